internal import Ledger
internal import Logging
internal import Money
internal import Postgres
internal import Web

import struct FoundationEssentials.UUID

/// Buys credits for organizations that want it when they run low.
///
/// The rules: at most one such payment of an organization is open at a time, kept by the version of its customer's stream; what
/// is bought in a calendar month (UTC) stays within the organization's limit; after a card was declined the next try waits an
/// hour, and twice as long after each further one, to at most a day.
extension Billing {
    private struct Candidate: Sendable {
        let organization: OrganizationID
        let amount: NanoDollars
        let monthlyLimit: NanoDollars?
        let customer: String
        let version: Int64
        let isFree: Bool
        /// What was started this month and did not fail.
        let spent: NanoDollars

        func allows(_ total: NanoDollars) -> Bool {
            monthlyLimit.map { spent.rawValue + total.rawValue <= $0.rawValue } ?? true
        }
    }

    /// What is bought when nothing else was said: US dollars.
    private static let standardThreshold: Int64 = 10
    private static let standardAmount: Int64 = 10

    /// - Returns: How many payments were started.
    @discardableResult
    func topUpAutomatically() async throws(WebError) -> Int {
        guard stripe != nil else { return 0 }
        var started = 0
        for candidate in try await candidates() {
            do throws(WebError) {
                if try await topUp(candidate) { started += 1 }
            } catch {
                logger.warning(
                    "an automatic top-up did not come about",
                    metadata: ["organization": "\(candidate.organization)", "error": "\(error.message)"])
            }
        }
        return started
    }

    /// All of it in one snapshot, in which the balances have everything that the payments have: a payment that just succeeded
    /// would otherwise look like one that is not there.
    private func candidates() async throws(WebError) -> [Candidate] {
        try await rows(
            """
            SELECT o.organization, coalesce(o.auto_top_up_amount, $2), o.auto_top_up_monthly_limit, c.customer, c.version,
                o.plan = 'free', coalesce(m.spent, 0)::bigint
            FROM organizations.organizations AS o
            JOIN balances.organizations AS b USING (organization)
            JOIN payments.customers AS c USING (organization)
            LEFT JOIN payments.payments AS p ON p.payment = c.auto_top_up
            CROSS JOIN LATERAL (
                SELECT
                    sum(q.total) FILTER (WHERE q.posted <> 1 AND q.started_at >= date_trunc('month', clock_timestamp(), 'UTC')) AS spent,
                    max(q.started_at) AS last,
                    count(*) FILTER (WHERE q.posted = 1 AND q.started_at > coalesce((
                        SELECT max(s.started_at) FROM payments.payments AS s
                        WHERE s.organization = o.organization AND s.kind = 'auto_top_up' AND s.posted = 2), '-infinity')) AS failures
                FROM payments.payments AS q WHERE q.organization = o.organization AND q.kind = 'auto_top_up'
            ) AS m
            WHERE o.auto_top_up AND o.status = 'active' AND c.customer IS NOT NULL
                AND b.balance < coalesce(o.auto_top_up_threshold, $1)
                AND (c.auto_top_up IS NULL OR p.posted > 0)
                AND (m.failures = 0
                    OR m.last < clock_timestamp() - least(interval '1 hour' * (1 << least(m.failures - 1, 5)::integer), interval '1 day'))
                AND (SELECT k.position FROM projections.checkpoints AS k WHERE k.schema_name = 'balances')
                    >= (SELECT k.position FROM projections.checkpoints AS k WHERE k.schema_name = 'payments')
            LIMIT 100
            """,
            [.int8(Self.standardThreshold * 1_000_000_000), .int8(Self.standardAmount * 1_000_000_000)]
        ) { row in
            let limit: Int64? = try row.decode(2)
            return Candidate(
                organization: OrganizationID(uuid: try row.decode(0)), amount: NanoDollars(try row.decode(1, as: Int64.self)),
                monthlyLimit: limit.map(NanoDollars.init), customer: try row.decode(3), version: try row.decode(4),
                isFree: try row.decode(5), spent: NanoDollars(try row.decode(6, as: Int64.self)))
        }
    }

    private func topUp(_ candidate: Candidate) async throws(WebError) -> Bool {
        // The ledger may hold amounts from before there was a bound on them; sums with them need not fit.
        guard Self.amounts.contains(candidate.amount.rawValue / 1_000_000_000) else { return false }
        // At the limit Stripe need not even be asked for the card: no card costs less than one of the seller's country.
        guard candidate.allows(price(of: candidate.amount, card: nil, isFree: candidate.isFree).total) else { return false }
        let card = try await cards(of: candidate.organization).first
        let (fee, total) = price(of: candidate.amount, card: card, isFree: candidate.isFree)
        guard candidate.allows(total) else { return false }
        let payment = PaymentID.mint()
        var events = try [
            event(
                AutoTopUpStarted(payment: payment), .customer(candidate.organization), version: candidate.version,
                organization: candidate.organization),
            event(
                PaymentStarted(kind: .autoTopUp, method: card?.id, amount: candidate.amount, fee: fee, total: total),
                .payment(payment), version: 0, organization: candidate.organization),
        ]
        if card == nil {
            // A failure as any other: it is shown, and the next look waits.
            events.append(
                try event(
                    PaymentFailed(intent: nil, code: "no_payment_method", total: total, amount: candidate.amount),
                    .payment(payment), version: 1, organization: candidate.organization))
        }
        guard let position = try await append(events) else { return false }
        await wait(for: position)
        guard let card else { return false }
        try await charge(
            Charge(
                payment: payment, organization: candidate.organization, kind: .autoTopUp, customer: candidate.customer,
                method: card.id, amount: candidate.amount, total: total))
        return true
    }

    /// Asks again about charges of which nobody knows what became of them: a process died, or an answer was lost.
    func resumeCharges() async throws(WebError) {
        guard stripe != nil else { return }
        let open = try await rows(
            """
            SELECT p.payment, p.organization, p.kind, c.customer, p.method, p.amount, p.total, p.version,
                p.started_at < clock_timestamp() - interval '23 hours'
            FROM payments.payments AS p JOIN payments.customers AS c USING (organization)
            WHERE p.posted = 0 AND p.seen = 0 AND p.kind IN ('saved_card', 'auto_top_up') AND p.method IS NOT NULL
                AND c.customer IS NOT NULL AND p.started_at < clock_timestamp() - interval '60 seconds'
            ORDER BY p.started_at LIMIT 100
            """
        ) { row in
            (
                Charge(
                    payment: PaymentID(uuid: try row.decode(0)), organization: OrganizationID(uuid: try row.decode(1)),
                    kind: PaymentKind(rawValue: try row.decode(2)) ?? .savedCard, customer: try row.decode(3),
                    method: try row.decode(4), amount: NanoDollars(try row.decode(5, as: Int64.self)),
                    total: NanoDollars(try row.decode(6, as: Int64.self))),
                try row.decode(7, as: Int64.self), try row.decode(8, as: Bool.self)
            )
        }
        for (charge, version, isOld) in open {
            // One that Stripe does not answer for must not keep the others waiting.
            do throws(WebError) {
                if isOld { try await giveUp(charge, version: version) } else { try await self.charge(charge) }
            } catch {
                logger.info(
                    "an open charge is still open", metadata: ["payment": "\(charge.payment)", "error": "\(error.message)"])
            }
        }
    }

    /// Stripe forgets idempotency keys after a day: asking again could charge again. Had it succeeded, its event would have come
    /// or been fetched by now; should it still come, the payment counts.
    private func giveUp(_ charge: Charge, version: Int64) async throws(WebError) {
        let failed = try event(
            PaymentFailed(intent: nil, code: "no_answer", total: charge.total, amount: charge.amount),
            .payment(charge.payment), version: version, organization: charge.organization)
        _ = try await append([failed])
    }
}
