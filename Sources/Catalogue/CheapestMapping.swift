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
    /// What a prompt token and a completion token cost together, of images one that they are made of, and an image where each has
    /// its price, in pico-dollars: by this mappings are compared.
    public func ofTwoTokens(promptTokens: Int64) -> Int64 {
        let tier = tier(promptTokens: promptTokens)
        return tier.input.rawValue.addingReportingOverflow((tier.imageOutput ?? tier.output).rawValue).partialValue
            .addingReportingOverflow(generatedImage.rawValue).partialValue
    }
}
