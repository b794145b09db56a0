internal import Money

extension Catalogue {
    /// The cheapest mapping at `provider` that is neither free nor deprecated at `time` (microseconds since 1970 UTC), by what a
    /// prompt token and a completion token cost together; nil when there is none.
    public func cheapestPaid(at provider: String, _ time: Int64) -> Mapping? {
        models.lazy.flatMap(\.mappings).filter {
            $0.provider == provider && !$0.isFree && $0.isActive(at: time) && !$0.isDeprecated(at: time)
        }.min { $0.costs.ofTwoTokens(promptTokens: 1) < $1.costs.ofTwoTokens(promptTokens: 1) }
    }
}

extension Prices {
    /// More tokens than any request has; with these no product of a price overflows.
    private static let mostTokens: Int64 = 1 << 40

    /// What a request is likely to come to, in millionths of a pico-dollar: by this models are compared.
    ///
    /// - Parameters:
    ///   - promptTokens: As they are estimated, none of them from a cache.
    ///   - completionTokens: Those of an answer of ordinary length.
    ///   - images: Those that the prompt holds.
    public func likely(promptTokens: Int64, completionTokens: Int64, images: Int64) -> Int128 {
        let tier = tier(promptTokens: promptTokens)
        let parts: [(quantity: Int64, price: PicoDollars)] = [
            (promptTokens, tier.input), (completionTokens, tier.output), (images, image), (1, request),
        ]
        var whole: Int128 = 0
        for part in parts { whole += Int128(min(part.quantity, Self.mostTokens)) * Int128(part.price.rawValue) }
        return whole * Int128(multiplier.partsPerMillion)
    }

    /// What two tokens of a request of `tokens` cost together, in pico-dollars: as ``ofTwoTokens(promptTokens:)`` says, with their
    /// share of what it costs beside its tokens, and with the discount.
    public func ofTwoTokens(promptTokens: Int64, of tokens: Int64, images: Int64) -> Int64 {
        let beside = Int128(request.rawValue) + Int128(min(images, Self.mostTokens)) * Int128(image.rawValue)
        let whole = Int128(ofTwoTokens(promptTokens: promptTokens)) + beside * 2 / Int128(max(2, tokens))
        let (product, overflow) = whole.multipliedReportingOverflow(by: Int128(multiplier.partsPerMillion))
        return overflow ? .max : Int64(clamping: product / 1_000_000)
    }

    /// What a prompt token and a completion token cost together, of images one that they are made of, and an image where each has
    /// its price, in pico-dollars: by this mappings are compared.
    public func ofTwoTokens(promptTokens: Int64) -> Int64 {
        let tier = tier(promptTokens: promptTokens)
        return tier.input.rawValue.addingReportingOverflow((tier.imageOutput ?? tier.output).rawValue).partialValue
            .addingReportingOverflow(generatedImage.rawValue).partialValue
    }
}
