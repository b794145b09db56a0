internal import JSON
public import Ledger
internal import Money
internal import Postgres
public import Web

extension Billing {
    private struct Key: Hashable {
        let kind: Reconciliation.Kind
        let id: String
    }

    /// Holds Stripe's movements of a time against the ledger's.
    ///
    /// A movement is looked up by what it is of, at whatever time the ledger heard of it: what happened just before midnight is
    /// not missing because it was heard of after. What the ledger has of the time and Stripe has not, is only here.
    ///
    /// - Throws: 503 where Stripe or the ledger can't be reached.
    public func reconcile(from: Timestamp, to: Timestamp) async throws(WebError) -> Reconciliation {
        var there: [Key: Int64] = [:]
        var others: [String: Int64] = [:]
        for movement in try await movements(from: from, to: to) {
            let amount = movement["amount"]?.int64 ?? 0
            if let key = Self.key(of: movement) {
                there[key, default: 0] += amount
            } else {
                others[movement["type"]?.text ?? "unknown", default: 0] += amount
            }
        }
        let here = try await booked(from: from, to: to, also: Array(there.keys))
        let lines = Set(there.keys).union(here.keys).map { key in
            Reconciliation.Line(
                kind: key.kind, id: key.id, here: here[key], there: there[key].map { NanoDollars($0 * NanoDollars.perCent) })
        }
        return Reconciliation(
            from: from, to: to, lines: lines.sorted { ($0.kind.rawValue, $0.id) < ($1.kind.rawValue, $1.id) },
            others: others.mapValues { NanoDollars($0 * NanoDollars.perCent) })
    }

    private func movements(from: Timestamp, to: Timestamp) async throws(WebError) -> [JSONValue] {
        var all: [JSONValue] = []
        var after: String?
        repeat {
            var query = [
                ("limit", "100"), ("created[gte]", String(from.microseconds / 1_000_000)),
                ("created[lte]", String(to.microseconds / 1_000_000)), ("expand[]", "data.source"),
            ]
            if let after { query.append(("starting_after", after)) }
            let fields = query
            let page = try await called { stripe throws(StripeClient.Failure) in
                try await stripe.get("/v1/balance_transactions", fields)
            }
            let found = page["data"]?.elements ?? []
            all += found
            after = page["has_more"]?.flag == true ? found.last?["id"]?.text : nil
        } while after != nil
        return all
    }

    private static func key(of movement: JSONValue) -> Key? {
        guard let source = movement["source"] else { return nil }
        func id(_ value: JSONValue?) -> String? { value?.text ?? value?["id"]?.text }
        switch source["object"]?.text {
        case "charge":
            if let bill = id(source["invoice"]) { return Key(kind: .subscription, id: bill) }
            return id(source["payment_intent"]).map { Key(kind: .charge, id: $0) }
        case "refund": return (id(source["payment_intent"]) ?? id(source["charge"])).map { Key(kind: .refund, id: $0) }
        case "dispute": return id(source["payment_intent"]).map { Key(kind: .dispute, id: $0) }
        default: return nil
        }
    }

    /// What the ledger has of a time, and of what Stripe has of it.
    private func booked(from: Timestamp, to: Timestamp, also keys: [Key]) async throws(WebError) -> [Key: NanoDollars] {
        let found = try await rows(
            """
            WITH moved AS (
                SELECT
                    CASE e.type
                        WHEN 'payment.succeeded' THEN 'charge' WHEN 'payment.refunded' THEN 'refund'
                        WHEN 'subscription.paid' THEN 'subscription' ELSE 'dispute'
                    END AS kind,
                    CASE e.stream_kind WHEN 'payment' THEN p.intent ELSE e.data ->> 'invoice' END AS id, p.charge,
                    CASE
                        WHEN e.type IN ('payment.refunded', 'dispute.opened') THEN -1
                        ELSE 1
                    END * coalesce((e.data ->> 'total')::bigint, (e.data ->> 'amount')::bigint) AS amount,
                    e.occurred_at BETWEEN $1 AND $2 AS is_of_the_time
                FROM ledger.events AS e LEFT JOIN payments.payments AS p ON e.stream_kind = 'payment' AND p.payment = e.stream_id
                WHERE e.stream_kind IN ('payment', 'subscription')
                    AND e.type IN ('payment.succeeded', 'payment.refunded', 'dispute.opened', 'dispute.won', 'subscription.paid')
            )
            SELECT kind, CASE WHEN charge = ANY ($3) THEN charge ELSE id END, sum(amount)::bigint
            FROM moved
            WHERE id IS NOT NULL
            GROUP BY 1, 2
            HAVING bool_or(is_of_the_time) OR bool_or(id = ANY ($3) OR charge = ANY ($3))
            """,
            [.timestamptz(from.microseconds), .timestamptz(to.microseconds), .textArray(keys.map(\.id))]
        ) { row in
            (
                Reconciliation.Kind(rawValue: try row.decode(0)), try row.decode(1, as: String.self),
                NanoDollars(try row.decode(2, as: Int64.self))
            )
        }
        var booked: [Key: NanoDollars] = [:]
        for (kind, id, amount) in found {
            guard let kind else { continue }
            booked[Key(kind: kind, id: id)] = amount
        }
        return booked
    }
}
