internal import Ledger
internal import Money
internal import Web

extension RoutingDecision {
    /// As the client is told: fractions instead of thousandths.
    var metadata: [UInt8] {
        WebValue.object(
            [
                ("selection_reason", .string(reason.rawValue)), ("selected_provider", .string(provider)),
                (
                    "provider_scores",
                    .array(
                        candidates.map { candidate in
                            .object(
                                [("provider_id", .string(candidate.provider)), ("score", Self.fraction(candidate.score))]
                                    + [
                                        ("uptime", candidate.uptime.map { Self.fraction($0 * 100) }),
                                        ("latency", candidate.latencyMS.map(WebValue.integer)),
                                        ("throughput", candidate.throughput.map(WebValue.integer)),
                                        ("priority", candidate.priority.map(Self.fraction)),
                                    ].compactMap { name, value in value.map { (name, $0) } })
                        })
                ),
            ] + (noFallback == true ? [("no_fallback", true)] : [])
        ).json
    }

    /// A number of thousandths as a JSON number.
    private static func fraction(_ thousandths: Int64) -> WebValue {
        .raw(Array(NanoDollars(thousandths.multipliedReportingOverflow(by: 1_000_000).partialValue).decimal.utf8))
    }
}
