public import Logging

/// One connection to Postgres. Statements of several callers are queued and run one after another.
public final class PostgresConnection: Sendable {
    public static func connect(
        _ configuration: PostgresConfiguration, logger: Logger, deadline: Duration = .seconds(10)
    ) async throws(PostgresError) -> PostgresConnection {
        preconditionFailure("not built yet")
    }

    @discardableResult
    public func query(
        _ sql: String, _ values: [PostgresValue] = [], deadline: Duration = .seconds(30)
    ) async throws(PostgresError) -> PostgresRows {
        preconditionFailure("not built yet")
    }

    public func script(_ sql: String, deadline: Duration = .seconds(60)) async throws(PostgresError) {
        preconditionFailure("not built yet")
    }

    public func pipeline(
        _ statements: [PostgresStatement], deadline: Duration = .seconds(30)
    ) async throws(PostgresError) -> [Result<PostgresRows, PostgresError>] {
        preconditionFailure("not built yet")
    }

    @discardableResult
    public func copyIn(
        _ sql: String, deadline: Duration = .seconds(300), next: @Sendable () async throws -> [UInt8]?
    ) async throws -> Int {
        preconditionFailure("not built yet")
    }

    public func copyOut(
        _ sql: String, deadline: Duration = .seconds(300), body: @Sendable ([UInt8]) throws -> Void
    ) async throws {
        preconditionFailure("not built yet")
    }

    public func listen(_ channel: String) async throws(PostgresError) -> AsyncStream<String> {
        preconditionFailure("not built yet")
    }

    public var isOpen: Bool { preconditionFailure("not built yet") }
    public var backendPID: Int32 { preconditionFailure("not built yet") }
    public func close() async { preconditionFailure("not built yet") }
}
