import Foundation
public import Ledger
public import Logging
public import Postgres

/// A database with the whole schema and an empty ledger (position 1 is `ledger.created`).
public struct LedgerDatabase: Sendable {
    /// A superuser's URL.
    public let url: String
    public let configuration: PostgresConfiguration
    public let client: PostgresClient
    public let logger: Logger

    /// A logger that says nothing.
    public static var quiet: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }

    /// Makes one, runs `body` and drops it.
    public static func with<R: Sendable>(_ body: (LedgerDatabase) async throws -> R) async throws -> R {
        try await withTestDatabase { url in try await with(url: url, body) }
    }

    /// Migrates the database at a superuser's URL, and runs `body`.
    public static func with<R: Sendable>(url: String, _ body: (LedgerDatabase) async throws -> R) async throws -> R {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let configuration = try PostgresConfiguration(url: url)
        _ = try await Migrator(
            schemaFolder: TestEnvironment.root + "/schema", configuration: configuration, logger: logger
        ).run()
        let client = PostgresClient(configuration, maximumConnections: 6, logger: logger)
        let database = LedgerDatabase(url: url, configuration: configuration, client: client, logger: logger)
        do {
            let result = try await body(database)
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// The role that the gateway logs in as, with its rights and no more.
    public var service: PostgresConfiguration {
        var service = configuration
        service.user = "llmgateway_service"
        return service
    }

    /// An event that `ledger.append` did not take.
    public struct NotAppended: Error {
        public let type: String
        public let result: String
    }

    /// Appends events in this order, each as a command of its own, 128 a call.
    ///
    /// - Returns: The position of the last.
    @discardableResult
    public func append(_ events: [NewEvent]) async throws -> Int64 {
        var last: Int64 = 0
        for start in stride(from: 0, to: events.count, by: 128) {
            last = try await call(Array(events[start..<min(start + 128, events.count)]))
        }
        return last
    }

    private func call(_ events: [NewEvent]) async throws -> Int64 {
        let rows = try await client.query(Self.append, Self.parameters(events))
        return try Self.last(rows, events)
    }

    /// Appends at most 128 events by one call over a connection, each a command of its own.
    @discardableResult
    public static func append(_ events: [NewEvent], over connection: PostgresConnection) async throws -> Int64 {
        try last(await connection.query(append, parameters(events), deadline: .seconds(120)), events)
    }

    private static let append = """
        SELECT command, result, last_position
        FROM ledger.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ORDER BY command
        """

    private static func parameters(_ events: [NewEvent]) -> [PostgresValue] {
        [
            .int4Array(events.indices.map { Int32($0 + 1) }), .uuidArray(events.map(\.id.uuid)),
            .textArray(events.map(\.stream.kind.rawValue)), .uuidArray(events.map(\.stream.id)),
            .int8Array(events.map(\.expectedVersion)), .textArray(events.map(\.type)),
            .int4Array(events.map(\.schemaVersion)), .uuidArray(events.map { $0.organization?.uuid }),
            .jsonbArray(events.map(\.data)), .jsonbArray(events.map(\.metadata)),
            .timestamptzArray(events.map(\.occurredAt.microseconds)), .int8Array(events.map(\.epoch)),
        ]
    }

    private static func last(_ rows: PostgresRows, _ events: [NewEvent]) throws -> Int64 {
        for (row, event) in zip(rows, events) {
            let result = try row.decode(1, as: String.self)
            guard result == "appended" else { throw NotAppended(type: event.type, result: result) }
        }
        return try rows[rows.count - 1].decode(2)
    }

    /// The ledger's newest position.
    public func head() async throws -> Int64 {
        let rows = try await client.query("SELECT max(position) FROM ledger.events")
        return try rows[0].decode(0)
    }

    /// One text value of a query without parameters.
    public func text(_ sql: String) async throws -> String {
        try await client.query(sql)[0].decode(0)
    }

    /// Every row of a query as Postgres writes a row: `(a,b,)`.
    public func lines(_ sql: String) async throws -> [String] {
        try await client.query("SELECT q::text FROM (\(sql)) AS q").map { try $0.decode(0) }
    }
}
