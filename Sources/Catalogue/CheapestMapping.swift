internal import Money

extension Catalogue {
    /// The cheapest mapping at `provider` that is neither free nor deprecated at `time` (microseconds since 1970 UTC), by what a
    /// prompt token and a completion token cost together; nil when there is none.
    public func cheapestPaid(at provider: String, _ time: Int64) -> Mapping? {
        func price(_ mapping: Mapping) -> Int64 {
            let tier = mapping.costs.tier(promptTokens: 1)
            return tier.input.rawValue.addingReportingOverflow(tier.output.rawValue).partialValue
        }
        return models.lazy.flatMap(\.mappings).filter {
            $0.provider == provider && !$0.isFree && $0.isActive(at: time) && !$0.isDeprecated(at: time)
        }.min { price($0) < price($1) }
    }
}
