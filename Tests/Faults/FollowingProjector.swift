import Projections
import TestSupport
import Testing

/// A projector that keeps `balances` up to date while a test does something to the ledger.
struct FollowingProjector {
    private let definition: ProjectionDefinition
    private let database: LedgerDatabase
    private let running: Task<Void, Never>

    init(_ database: LedgerDatabase) throws {
        definition = try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/balances")
        self.database = database
        let projector = Projector(
            definition: definition, configuration: database.configuration, signal: nil, pace: .milliseconds(1),
            logger: database.logger)
        running = Task { await projector.run() }
    }

    /// Waits until it has come to the head, ends it, and holds its tables against a replay.
    func expectCaughtUp() async throws {
        #expect(
            try await waitUntil(
                projection: definition.name, position: database.head(), deadline: .seconds(60), client: database.client))
        running.cancel()
        await running.value
        let comparer = Comparer(definition: definition, configuration: database.configuration, logger: database.logger)
        #expect(try await comparer.compare().equal)
        #expect(try await comparer.verify() == [])
    }
}
