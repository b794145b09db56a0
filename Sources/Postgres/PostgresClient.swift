public import Logging
import Synchronization

/// A pool of connections: opens them when they are needed, and replaces lost ones with back-off, so that it outlives restarts
/// of the server. Who waits is served in order.
public final class PostgresClient: Sendable {
    private let pool: Pool

    /// A pool that opens nothing yet.
    ///
    /// - Parameters:
    ///   - configuration: where to connect.
    ///   - maximumConnections: how many connections there are at most.
    ///   - acquireDeadline: how long a caller waits for a connection; also while the server is away.
    ///   - heedsRefusals: whether callers wait no longer where the server has let nobody in yet and refuses a second time for what the
    ///     configuration says: right for a person at a terminal, and not for what is started before all that the server needs.
    ///   - logger: gets failures to connect at warning, the more that follow each other the fewer, and the server's notices at debug.
    public init(
        _ configuration: PostgresConfiguration, maximumConnections: Int = 8, acquireDeadline: Duration = .seconds(5),
        heedsRefusals: Bool = true, logger: Logger
    ) {
        pool = Pool(
            configuration, maximum: maximumConnections, acquireDeadline: acquireDeadline, heedsRefusals: heedsRefusals,
            logger: logger)
    }

    deinit { pool.abandon() }

    /// Lends a connection to `body`. A transaction that `body` leaves open is rolled back.
    ///
    /// - Parameter patience: How long it waits for one, where that is less than the pool's own deadline.
    /// - Throws: `poolExhausted`, `connectionFailed`, `cancelled` or `closed` when there is none, and what `body` throws.
    public func withConnection<R: Sendable>(
        patience: Duration? = nil, _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        let connection = try await pool.acquire(within: patience)
        do {
            let result = try await body(connection)
            pool.release(connection)
            return result
        } catch {
            pool.release(connection)
            throw error
        }
    }

    /// Runs `body` in a transaction; see `PostgresConnection.withTransaction`.
    public func withTransaction<R: Sendable>(
        _ begin: String = "BEGIN", _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        try await withConnection { try await $0.withTransaction(begin, body) }
    }

    /// Runs one statement on a connection of the pool; see `PostgresConnection.query`.
    ///
    /// - Parameter deadline: For the connection and the statement together.
    @discardableResult
    public func query(
        _ sql: String, _ values: [PostgresValue] = [], deadline: Duration = .seconds(30)
    ) async throws -> PostgresRows {
        let end = ContinuousClock.now + deadline
        return try await withConnection(patience: deadline) { try await $0.query(sql, values, deadline: end - .now) }
    }

    /// Refuses new callers, waits until the connections that are lent out have come back, and closes all.
    ///
    /// - Parameter patience: after this the connections that are still lent out are closed under their users.
    public func shutdown(patience: Duration = .seconds(10)) async { await pool.shutdown(patience: patience) }

    /// Lends the pool to `body`, and shuts it down when that has ended.
    ///
    /// - Throws: what `body` throws.
    public func use<R: Sendable>(_ body: (PostgresClient) async throws -> R) async throws -> R {
        let result: R
        do {
            result = try await body(self)
        } catch {
            await shutdown()
            throw error
        }
        await shutdown()
        return result
    }

    /// Connections that are open or being opened.
    var connectionCount: Int { pool.counts.connections }
    /// Callers that wait for a connection.
    var waiterCount: Int { pool.counts.waiters }
}
