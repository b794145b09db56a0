internal import Admission
internal import Catalogue
internal import Dialects
internal import Ledger
internal import Money
internal import NIOCore
internal import Web

/// An answer that is not streamed: read whole, settled, then handed on.
struct CollectedAnswer: Sendable {
    private let gateway: Gateway
    private let admitted: AdmittedRequest
    private let opened: OpenedAnswer
    private let body: [UInt8]
    private let scan: any AnswerScan
    /// What the body takes of the memory for answers.
    let room: ByteBudget.Room?

    /// - Throws: `malformed` where it can't be read, `tooLarge` where it has more bytes than a gateway takes, `noRoom` where
    ///   answers take all that they may already, or what the provider says in an answer's place.
    init(reading opened: OpenedAnswer, of admitted: AdmittedRequest, by gateway: Gateway) async throws(UpstreamFailure) {
        (self.gateway, self.admitted, self.opened) = (gateway, admitted, opened)
        let budget = gateway.answerBudget(of: opened.route)
        let owner = admitted.understood.address.organization.uuid
        var room: ByteBudget.Room?
        body = try await opened.answer.collect(
            upTo: gateway.configuration.maximumAnswerBytes, whenRoom: { budget.grow(&room, to: $0, of: owner) })
        self.room = room
        do {
            scan = try admitted.understood.entered.scan(body, of: opened.route)
        } catch {
            throw UpstreamFailure(kind: .malformed, message: "The provider's answer can't be read.")
        }
        if let error = scan.error { throw UpstreamFailure(said: error) }
    }

    /// - Returns: what the client gets.
    /// - Throws: 503 when the outcome can't be recorded.
    func settle() async throws(GatewayError) -> ByteBuffer {
        let understood = admitted.understood
        let kind = understood.entered.entrance.kind
        let usage = usage
        let ending = Ending(
            kind: .completed, status: 200, route: opened.route, attempts: opened.attempts(error: nil), usage: usage.value,
            isEstimated: usage.isEstimated, finishReason: scan.finishReasons.first,
            unifiedFinishReason: kind == .chat ? UnifiedFinishReason(finishReason: scan.finishReasons.first) : .completed,
            completion: body)
        opened.noteAnswered(admitted, usage: ending.usage, firstByteAt: nil, by: gateway)
        let settled = try await Settler(gateway: gateway).settle(admitted, ending)
        CacheStep(gateway: gateway).keep(
            body, of: admitted, from: opened.route,
            tokens: kind == .embedding || kind == .moderation ? nil : scan.estimatedCompletionTokens,
            reasons: kind == .chat ? scan.finishReasons : nil)
        let additions = ResponseAdditions(
            metadata: GatewayMetadata(admitted, route: opened.route, isEstimated: usage.isEstimated), bill: settled.bill,
            charged: settled.charged, estimatedUsage: scan.usage == nil ? usage.value : nil)
        let answer = scan.answer(additions, body: body)
        if understood.entered.responses != nil { try await gateway.keep(answer, of: admitted) }
        return ByteBuffer(bytes: answer)
    }

    /// What was used: what the provider told, and the images that were given and made; of tokens that it did not tell an estimate,
    /// but where tokens cost nothing and an image has its price.
    private var usage: (value: TokenUsage, isEstimated: Bool) {
        let images = scan.generatedImages
        let given = admitted.understood.images
        if var told = scan.usage {
            (told.images, told.generatedImages) = (given, images)
            return (told, false)
        }
        let (prices, costs) = (opened.route.mapping.prices, opened.route.mapping.costs)
        if images > 0, prices.hasFreeTokens, costs.hasFreeTokens {
            return (TokenUsage(images: given, generatedImages: images), false)
        }
        let prompt = admitted.understood.scan.settledPromptTokens(at: opened.route.mapping)
        let estimate = TokenUsage(estimated: prompt, completionTokens: scan.estimatedCompletionTokens, images: images)
        return (estimate.given(given), true)
    }
}

extension TokenUsage {
    /// What is assumed where a provider does not tell it.
    ///
    /// - Parameter images: That were made, each with its own price or its tokens.
    init(estimated promptTokens: Int64, completionTokens: Int64, images: Int64) {
        let drawn = images * TokenBound.perGeneratedImage
        self.init(
            promptTokens: promptTokens, completionTokens: max(completionTokens, drawn), imageOutputTokens: drawn,
            generatedImages: images)
    }

    /// The same of a prompt with so many images, which no provider counts.
    func given(_ images: Int64) -> TokenUsage {
        var usage = self
        usage.images = images
        return usage
    }
}
