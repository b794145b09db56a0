import Logging
import Postgres
import Synchronization
import TestSupport
import Testing

let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// Opens a connection to the test run's server for `body` and closes it afterwards.
@discardableResult
func withConnection<R: Sendable>(
    _ change: (inout PostgresConfiguration) -> Void = { _ in }, _ body: (PostgresConnection) async throws -> R
) async throws -> R {
    var configuration = try PostgresConfiguration(url: TestEnvironment.databaseURL())
    change(&configuration)
    return try await PostgresConnection.connect(configuration, logger: quiet).use(body)
}

/// The PostgresError that `body` throws; records an issue when it throws none.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async -> PostgresError? {
    do {
        try await body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as PostgresError {
        return error
    } catch {
        Issue.record("\(error) was thrown", sourceLocation: sourceLocation)
    }
    return nil
}

extension PostgresConnection {
    /// The integer in the first column of the first row.
    func integer(_ sql: String, _ values: [PostgresValue] = []) async throws -> Int {
        try await query(sql, values)[0].decode(0)
    }
}

/// A list that tasks add to.
final class Collected<Element: Sendable>: Sendable {
    private let list = Mutex<[Element]>([])
    var elements: [Element] { list.withLock { $0 } }
    func add(_ element: Element) { list.withLock { $0.append(element) } }
}
