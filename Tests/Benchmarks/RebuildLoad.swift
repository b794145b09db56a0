import Logging
import Postgres
import Synchronization

/// What goes on while a projection is rebuilt: events are appended as fast as one connection can, and the live tables are read
/// a hundred times a second.
final class RebuildLoad: Sendable {
    struct Figures: Sendable {
        var appended = 0
        var reads = 0
        var failedReads = 0
        fileprivate var isOver = false
    }

    private let figures = Mutex(Figures())
    private let tasks = Mutex<[Task<Void, any Error>]>([])

    init(_ configuration: PostgresConfiguration, reading projection: String, logger: Logger) {
        let appending = Task {
            let connection = try await PostgresConnection.connect(configuration, logger: logger)
            var day = BusyDay(seed: UInt64.random(in: .min ... .max))
            while !isOver {
                try await day.append(1_024, to: connection)
                figures.withLock { $0.appended += 1_024 }
            }
            await connection.close()
        }
        let reading = Task {
            let connection = try await PostgresConnection.connect(configuration, logger: logger)
            let tables = try await connection.query(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = $1", [.text(projection)]
            ).map { try $0.decode(0, as: String.self) }
            while !isOver {
                for table in tables {
                    let isThere = (try? await connection.query("SELECT 1 FROM \(table) LIMIT 1")) != nil
                    figures.withLock {
                        $0.reads += 1
                        if !isThere { $0.failedReads += 1 }
                    }
                }
                try await Task.sleep(for: .milliseconds(10))
            }
            await connection.close()
        }
        tasks.withLock { $0 = [appending, reading] }
    }

    private var isOver: Bool { figures.withLock { $0.isOver } }

    /// Lets both end with what they are at.
    ///
    /// - Throws: What ended one of them before.
    func stop() async throws -> Figures {
        figures.withLock { $0.isOver = true }
        for task in tasks.withLock({ $0 }) { try await task.value }
        return figures.withLock { $0 }
    }
}
