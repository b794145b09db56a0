public import Logging

/// One connection to Postgres. Statements of several callers are queued and run one after another.
///
/// Every call has a deadline. When it passes while the statement runs, the server is asked to cancel it; the call then ends
/// with the server's verdict, at most five seconds later, or the connection is closed and the outcome is unknown. A statement
/// that still finished in that time succeeds. Cancelling the task does the same.
public final class PostgresConnection: Sendable {
    let core: ConnectionCore

    init(core: ConnectionCore) { self.core = core }

    deinit { core.close(Self.closed) }

    private static let closed = PostgresError(.closed, "the connection was closed")

    /// Opens a connection: encoding UTF-8, time zone UTC.
    ///
    /// - Parameters:
    ///   - configuration: where to connect; its `connectTimeout` holds beside `deadline`.
    ///   - logger: gets the server's notices at debug.
    /// - Throws: `connectionFailed`, `deadlineExceeded`, `cancelled`, `invalidConfiguration`.
    public static func connect(
        _ configuration: PostgresConfiguration, logger: Logger, deadline: Duration = .seconds(10)
    ) async throws(PostgresError) -> PostgresConnection {
        PostgresConnection(core: try await ConnectionCore.open(configuration, logger: logger, deadline: deadline))
    }

    /// Runs one statement, prepared once for each connection and SQL text, with binary parameters and results.
    @discardableResult
    public func query(
        _ sql: String, _ values: [PostgresValue] = [], deadline: Duration = .seconds(30)
    ) async throws(PostgresError) -> PostgresRows {
        try Self.rows(await core.run(.query(PostgresStatement(sql, values)), deadline: deadline))
    }

    /// Runs any number of statements without parameters. Outside a transaction they are one, unless the text begins and ends
    /// transactions itself; the first error ends the script.
    public func script(_ sql: String, deadline: Duration = .seconds(60)) async throws(PostgresError) {
        _ = try Self.rows(await core.run(.script(sql), deadline: deadline))
    }

    /// Sends several statements with one write and gives one result for each.
    ///
    /// Outside a transaction they are one: the first error undoes those before it, and those after it fail with SQLSTATE
    /// 25P02. An error at the commit, such as that of a deferred constraint, is thrown.
    public func pipeline(
        _ statements: [PostgresStatement], deadline: Duration = .seconds(30)
    ) async throws(PostgresError) -> [Result<PostgresRows, PostgresError>] {
        guard !statements.isEmpty else { return [] }
        guard case .list(let list) = try await core.run(.pipeline(statements), deadline: deadline).get() else {
            throw Self.confusion
        }
        return list
    }

    /// Listens to a channel. The stream gives the payloads of its notifications, at most the newest 1024 that were not yet
    /// read; it ends with the connection, and dropping it stops listening.
    public func listen(_ channel: String) async throws(PostgresError) -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(1024))
        let token = core.addListener(channel, continuation)
        continuation.onTermination = { [weak core] _ in core?.removeListener(channel, token) }
        do {
            try await script("LISTEN \(ConnectionCore.quoted(channel))", deadline: .seconds(10))
        } catch {
            core.removeListener(channel, token)
            throw error
        }
        return stream
    }

    /// Whether the connection can still be used, as far as is known.
    public var isOpen: Bool { core.isOpen }

    /// The process id of the server's backend, as `pg_stat_activity` and `pg_terminate_backend` know it.
    public var backendPID: Int32 { core.backendPID }

    /// Closes the connection at once; what runs or waits on it fails.
    public func close() async { core.close(Self.closed) }

    /// Lends the connection to `body`, and closes it when that has ended.
    ///
    /// - Throws: what `body` throws.
    public func use<R: Sendable>(_ body: (PostgresConnection) async throws -> R) async throws -> R {
        let result: R
        do {
            result = try await body(self)
        } catch {
            await close()
            throw error
        }
        await close()
        return result
    }

    static let confusion = PostgresError(.protocolViolation, "the server's answer does not fit the statement")

    static func rows(_ reply: Reply) throws(PostgresError) -> PostgresRows {
        guard case .rows(let rows) = try reply.get() else { throw confusion }
        return rows
    }
}
