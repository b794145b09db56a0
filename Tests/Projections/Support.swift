import Ledger
import Logging
import Postgres
import Projections
import TestSupport

/// The projections of the repository.
enum Folders {
    static func load(_ name: String) throws -> ProjectionDefinition {
        try .load(folder: "\(TestEnvironment.root)/projections/\(name)")
    }

    static let mine = [
        "balances", "journal", "usage", "requests", "organizations", "keys", "payments", "transactions", "balance_history",
        "grants",
    ]
}

/// A projector that runs while a test needs it.
struct RunningProjector {
    let projector: Projector
    let signal = LedgerSignal()
    private let warnings: RecordingLog
    private let task: Task<Void, Never>

    init(
        _ definition: ProjectionDefinition, _ database: LedgerDatabase, mirror: (any ProjectionMirror)? = nil,
        patience: Duration = .seconds(20)
    ) {
        let warnings = RecordingLog(.warning)
        let projector = Projector(
            definition: definition, configuration: database.configuration, signal: signal, mirror: mirror,
            pace: .milliseconds(1), patience: patience, logger: Logger(label: "test", factory: { _ in warnings }))
        self.projector = projector
        self.warnings = warnings
        task = Task { await projector.run() }
    }

    /// Waits until everything up to the ledger's end is applied.
    func catchUp(_ database: LedgerDatabase) async throws {
        let head = try await database.head()
        signal.signal(head)
        let name = projector.definition.name
        do {
            if try await waitUntil(projection: name, position: head, deadline: .seconds(30), client: database.client) { return }
        } catch let error as ProjectionError where error.code == .notInstalled {}
        throw TooLate(what: "\(name) did not reach \(head): \(projector.state), \(warnings.lines.suffix(5))")
    }

    /// Waits for a state.
    func becomes(_ what: String, _ condition: (Projector.State) -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while !condition(projector.state) {
            guard ContinuousClock.now < end else {
                throw TooLate(what: "\(what): it is \(projector.state), \(warnings.lines.suffix(5))")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func stop() async {
        task.cancel()
        await task.value
    }
}

struct TooLate: Error, CustomStringConvertible {
    let what: String
    var description: String { "too late: \(what)" }
}

/// Runs a projector until it has everything, then stops it.
func project(_ definition: ProjectionDefinition, _ database: LedgerDatabase) async throws {
    let running = RunningProjector(definition, database)
    do { try await running.catchUp(database) } catch {
        await running.stop()
        throw error
    }
    await running.stop()
}

/// A projection whose one table keeps what it was given: the smallest that can show order, doubles and gaps.
func witness(
    version: Int32 = 1, onPoison: ProjectionDefinition.PoisonPolicy = .halt, order: ProjectionDefinition.Order = .ledger,
    refusing: String = "false",
    events: [String: Int32] = ["credit.granted": 1], streams: [String: Set<String>] = [:], column: String = "amount",
    tables: String = "", apply: String? = nil
) throws -> ProjectionDefinition {
    try ProjectionDefinition(
        name: "witness", version: version, events: events, streams: streams, onPoison: onPoison, order: order,
        tables: "CREATE TABLE seen (position bigint PRIMARY KEY, \(column) bigint NOT NULL);\n\(tables)",
        indexes: "CREATE INDEX seen_amount ON seen (\(column));",
        apply: apply ?? """
            INSERT INTO seen (position, \(column))
            SELECT position, CASE WHEN NOT (\(refusing)) THEN (data ->> 'amount')::bigint END
            FROM batch ORDER BY position
            """,
        verify: "SELECT position FROM batch EXCEPT SELECT position FROM seen")
}

extension Projector.State {
    /// The event that it could not apply.
    var haltedAt: Int64? { if case .halted(let position, _) = self { position } else { nil } }
    /// Why it is halted.
    var reason: String? { if case .halted(_, let reason) = self { reason } else { nil } }
}
