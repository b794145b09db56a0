import Postgres
import Synchronization

/// Something of a read model that only grows with what `SyntheticTrade` appends.
struct GrowingFigure: Sendable {
    let projection: String
    private let sql: String

    /// One for each projection of the repository.
    static let all = [
        GrowingFigure(projection: "admission", sql: "SELECT sum(charged) FROM admission.keys"),
        GrowingFigure(projection: "balance_history", sql: "SELECT sum(charged) FROM balance_history.hours"),
        GrowingFigure(projection: "balances", sql: "SELECT sum(topped_up + charged) FROM balances.organizations"),
        GrowingFigure(projection: "grants", sql: "SELECT sum(amount) FROM grants.grants"),
        GrowingFigure(projection: "journal", sql: "SELECT count(*) FROM journal.entries"),
        GrowingFigure(projection: "keys", sql: "SELECT count(*) FROM keys.keys"),
        GrowingFigure(projection: "organizations", sql: "SELECT count(*) FROM organizations.projects"),
        GrowingFigure(projection: "payments", sql: "SELECT count(*) FROM payments.invoices"),
        GrowingFigure(projection: "provider_keys", sql: "SELECT count(*) FROM provider_keys.keys"),
        GrowingFigure(projection: "requests", sql: "SELECT count(*) FROM requests.requests"),
        GrowingFigure(projection: "transactions", sql: "SELECT count(*) FROM transactions.transactions"),
        GrowingFigure(projection: "usage", sql: "SELECT sum(requests) FROM usage.hours"),
    ]

    /// The figure, and for how long by the database's clock its tables have lacked an event: from one snapshot.
    func read(_ client: PostgresClient) async throws -> (value: Int64, age: Duration) {
        let rows = try await client.query(
            """
            SELECT coalesce((\(sql)), 0)::bigint, coalesce((
                SELECT (extract(epoch FROM clock_timestamp() - e.recorded_at) * 1000000)::bigint
                FROM projections.checkpoints AS c JOIN ledger.events AS e ON e.position = c.position + 1
                WHERE c.schema_name = $1), 0)
            """, [.text(projection)], deadline: .seconds(120))
        return (try rows[0].decode(0), .microseconds(try rows[0].decode(1, as: Int64.self)))
    }
}

/// What readers saw.
final class ReadWatch: Sendable {
    private struct State {
        var isOver = false
        var newest: [String: Int64] = [:]
        var reads = 0
        var failures: [String] = []
        var stalest = Duration.zero
    }

    private let state = Mutex(State())

    var isOver: Bool { state.withLock { $0.isOver } }
    var reads: Int { state.withLock { $0.reads } }
    /// Reads that failed, and those that saw less than one that had ended before they began.
    var failures: [String] { state.withLock { $0.failures } }
    var stalest: Duration { state.withLock { $0.stalest } }

    func end() { state.withLock { $0.isOver = true } }

    /// - Parameter read: gives a figure that never shrinks, and the age of what it came from.
    func look(_ name: String, _ read: () async throws -> (value: Int64, age: Duration)) async {
        let least = state.withLock { $0.newest[name] ?? 0 }
        do {
            let (value, age) = try await read()
            state.withLock { state in
                state.reads += 1
                state.newest[name] = max(state.newest[name] ?? 0, value)
                state.stalest = max(state.stalest, age)
                if value < least { state.failures.append("\(name) was \(value) after it had been \(least)") }
            }
        } catch {
            state.withLock { $0.failures.append("\(name): \(error)") }
        }
    }
}
