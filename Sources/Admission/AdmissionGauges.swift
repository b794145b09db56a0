public import Money

/// Figures of admission for metrics and health.
public struct AdmissionGauges: Sendable, Hashable {
    /// Events that the ledger has and Redis has not.
    public let stateLag: Int64
    /// Charged beyond the hold by organizations in strict mode, nano-dollars: should be zero.
    public let strictOvershoot: NanoDollars
    /// Charged beyond the hold by all organizations, nano-dollars.
    public let overshoot: NanoDollars
    /// How far balances and limits are below zero, summed over strict organizations, nano-dollars: should be zero but for
    /// refunds, adjustments and lowered limits.
    public let belowZero: NanoDollars
    public let openHolds: Int64
    /// Organizations that this process could not admit for when last asked.
    public let unknownOrganizations: Int64
}

extension AdmissionClient {
    public func gauges() async throws(AdmissionError) -> AdmissionGauges { preconditionFailure("not built yet") }
}
