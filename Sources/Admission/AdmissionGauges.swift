public import Money
import Postgres
import Redis
import Synchronization

/// Figures of admission for metrics and health.
public struct AdmissionGauges: Sendable, Hashable {
    /// Positions that the ledger has and Redis has not: `ledger head - applied`. All of them when Redis was flushed.
    public let stateLag: Int64
    /// Charged beyond the hold of requests that were admitted in strict mode, nano-dollars: should be zero.
    public let strictOvershoot: NanoDollars
    /// Charged beyond the hold of all requests, nano-dollars: in plain mode what requests in flight cost more than was held.
    public let overshoot: NanoDollars
    /// How far balances are below zero, summed over organizations in strict mode, nano-dollars: should be zero but for
    /// refunds, adjustments, and requests that were settled after they had been abandoned.
    public let belowZero: NanoDollars
    /// Authorized requests without an outcome.
    public let openHolds: Int64
    /// Organizations whose state could not be built when last tried, by this process.
    public let unknownOrganizations: Int64

    public init(
        stateLag: Int64, strictOvershoot: NanoDollars, overshoot: NanoDollars, belowZero: NanoDollars, openHolds: Int64,
        unknownOrganizations: Int64
    ) {
        self.stateLag = stateLag
        self.strictOvershoot = strictOvershoot
        self.overshoot = overshoot
        self.belowZero = belowZero
        self.openHolds = openHolds
        self.unknownOrganizations = unknownOrganizations
    }
}

extension AdmissionClient {
    /// The figures, at most as old as `maximumAge`: they take a look at every organization.
    public func gauges(maximumAge: Duration = .seconds(10)) async throws(AdmissionError) -> AdmissionGauges {
        let now = ContinuousClock.now
        if let (at, gauges) = cachedGauges.withLock({ $0 }), now - at < maximumAge { return gauges }
        let gauges = try await readGauges()
        cachedGauges.withLock { $0 = (now, gauges) }
        return gauges
    }

    private func readGauges() async throws(AdmissionError) -> AdmissionGauges {
        let keys = ServerKeys(ledger: try await store.epochs.ledgerID())
        let applied = try await store.trust.marker(keys, on: store.any).applied ?? 0
        guard let postgres else { throw AdmissionError(.misconfigured, "there are no figures without Postgres") }
        do {
            let rows = try await postgres.query(
                """
                SELECT (SELECT position FROM ledger.events ORDER BY position DESC LIMIT 1),
                    coalesce(sum(strict_overshoot), 0)::bigint, coalesce(sum(overshoot), 0)::bigint,
                    coalesce(sum(greatest(charged + coalesce(held, 0) - credited, 0)) FILTER (WHERE strict), 0)::bigint,
                    (SELECT count(*) FROM admission.holds)
                FROM admission.organizations
                LEFT JOIN (SELECT organization, sum(amount) AS held FROM admission.holds GROUP BY organization) AS h
                    USING (organization)
                """, deadline: .seconds(5))
            guard let row = rows.first else { throw AdmissionError(.protocolViolation, "an aggregate answered no row") }
            let head = try row.decode(0, as: Int64?.self) ?? 0
            return AdmissionGauges(
                stateLag: max(0, head - applied), strictOvershoot: NanoDollars(try row.decode(1)),
                overshoot: NanoDollars(try row.decode(2)), belowZero: NanoDollars(try row.decode(3)),
                openHolds: try row.decode(4), unknownOrganizations: Int64(healer.failures))
        } catch {
            throw AdmissionError(postgres: error)
        }
    }
}
