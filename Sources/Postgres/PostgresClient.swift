public import Logging

/// A pool of connections: opens them when they are needed and replaces lost ones with back-off.
public final class PostgresClient: Sendable {
    public init(
        _ configuration: PostgresConfiguration, maximumConnections: Int = 8, acquireDeadline: Duration = .seconds(5),
        logger: Logger
    ) {
        preconditionFailure("not built yet")
    }

    public func withConnection<R: Sendable>(_ body: (PostgresConnection) async throws -> R) async throws -> R {
        preconditionFailure("not built yet")
    }

    public func withTransaction<R: Sendable>(
        _ begin: String = "BEGIN", _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        preconditionFailure("not built yet")
    }

    @discardableResult
    public func query(
        _ sql: String, _ values: [PostgresValue] = [], deadline: Duration = .seconds(30)
    ) async throws -> PostgresRows {
        preconditionFailure("not built yet")
    }

    public func shutdown() async { preconditionFailure("not built yet") }
}
