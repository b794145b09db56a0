internal import Catalogue
internal import Dialects
internal import Money

/// The highest cost that a request can reach, and the completion bound that makes it so.
///
/// The bound is taken over every route that may be used, at the dearest prices, for all choices together. Where the organization's
/// own account pays the provider, nothing is charged and no bound is added.
struct HoldBound: Sendable {
    private let routes: [Route]
    /// Those for which the customer is charged.
    private let charged: [Route]
    private let scan: ChatRequestScan
    /// False when the client named its own bound: that one is never lowered.
    private let isAdjustable: Bool
    /// Images that may be made and have a price each.
    private let generatedImages: Int64
    /// The tokens that the request is taken to use, for the limit on tokens a minute: the prompt as it is estimated, and the
    /// completion as its client bounds it, else one of ordinary length.
    let expectedTokens: Int64
    /// Completion tokens of one choice.
    private(set) var outputTokens: Int64
    /// What must be held.
    private(set) var amount: NanoDollars

    /// - Throws: 400 when the cost does not fit an amount.
    init(_ understood: UnderstoodRequest) throws(GatewayError) {
        routes = understood.routes
        charged = routes.allSatisfy { $0.own == nil } ? routes : routes.filter { $0.own == nil }
        scan = understood.scan
        let kind = understood.entered.entrance.kind
        // No request for images has a field for it.
        isAdjustable = understood.outputLimit == nil && !charged.isEmpty && kind == .chat
        generatedImages = kind == .image ? understood.scan.choices : 0
        outputTokens = understood.outputLimit ?? charged.map(\.mapping.outputBound).max() ?? AdmitStep.smallestOutputBound
        let completion =
            switch kind {
            case .chat: scan.completionBound(perChoice: understood.outputLimit ?? AdmitStep.smallestOutputBound)
            case .image: generatedImages * TokenBound.perGeneratedImage
            case .embedding, .moderation: Int64(0)
            }
        let (expected, overflow) = scan.estimatedPromptTokens.addingReportingOverflow(completion)
        expectedTokens = overflow ? .max : expected
        amount = .zero
        amount = try highest(outputTokens)
    }

    /// Nothing, for a request that is answered as it was before.
    init(cached understood: UnderstoodRequest) {
        (routes, charged, scan, isAdjustable, generatedImages) = ([], [], understood.scan, false, 0)
        (expectedTokens, outputTokens, amount) = (0, 0, .zero)
    }

    /// What makes the request cost more than `amount` could cover; nil when nothing does, or when it is free.
    var unboundedPart: APIError? { amount > .zero ? scan.unboundedPart : nil }

    /// The bound to send upstream; nil when the client named its own.
    var outputLimit: Int64? { isAdjustable ? outputTokens : nil }

    /// Lowers an adjustable bound so that it holds no more than a quarter of `available`, or 4,096 tokens if that is
    /// more, and never more than what is available.
    ///
    /// - Returns: true when the bound was lowered; false when it stands or can't be lowered enough.
    mutating func fit(into available: NanoDollars) throws(GatewayError) -> Bool {
        guard isAdjustable, available > .zero else { return false }
        let quarter = NanoDollars(available.rawValue / 4)
        guard amount > quarter else { return false }
        let least = min(AdmitStep.smallestOutputBound, outputTokens)
        var fitting = try largest(within: quarter)
        if fitting < least {
            fitting = try highest(least) <= available ? least : try largest(within: available)
        }
        guard fitting > 0, fitting < outputTokens else { return false }
        outputTokens = fitting
        amount = try highest(fitting)
        return true
    }

    /// The most completion tokens whose cost is within `budget`, 0 when not even one is; by bisection, because the price
    /// of a token depends on the route.
    private func largest(within budget: NanoDollars) throws(GatewayError) -> Int64 {
        guard try highest(1) <= budget else { return 0 }
        var low: Int64 = 1
        var high = outputTokens
        while low < high {
            let middle = low + (high - low + 1) / 2
            if try highest(middle) <= budget { low = middle } else { high = middle - 1 }
        }
        return low
    }

    private func highest(_ outputTokens: Int64) throws(GatewayError) -> NanoDollars {
        let completion = scan.completionBound(perChoice: outputTokens)
        var highest = NanoDollars.zero
        do {
            for route in charged {
                highest = max(
                    highest,
                    try route.mapping.prices.highest(
                        promptTokens: route.promptTokens, outputTokens: completion, images: scan.images,
                        generatedImages: generatedImages))
            }
        } catch {
            throw Self.tooLarge
        }
        return highest
    }

    private static let tooLarge = GatewayError.invalid(
        "The highest cost of this request does not fit an amount; lower max_tokens.", param: "max_tokens")
}
