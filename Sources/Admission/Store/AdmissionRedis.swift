public import Ledger
public import Logging
public import NIOCore
public import Postgres
public import Redis

/// Redis as admission uses it: with the functions loaded, and trusted only after every connection has been checked.
///
/// One in a process. It begins to connect at once; what it finds wrong with a Redis (another server than the one on record, a
/// flushed one, a stale copy) becomes a new epoch before any other call is let through, which takes Postgres and a running
/// ``Appender``.
public final class AdmissionRedis: Sendable {
    public let client: RedisClient
    let folder: AdmissionFolder
    let postgres: PostgresClient
    let epochs: EpochStarter
    let trust: RedisTrust
    let logger: Logger

    public init(
        configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, folder: AdmissionFolder, postgres: PostgresClient,
        appender: Appender, logger: Logger
    ) {
        let epochs = EpochStarter(appender: appender, postgres: postgres)
        let trust = RedisTrust(folder: folder, postgres: postgres, epochs: epochs, logger: logger)
        self.folder = folder
        self.postgres = postgres
        self.epochs = epochs
        self.trust = trust
        self.logger = logger
        client = RedisClient(configuration: configuration, eventLoopGroup: eventLoopGroup, logger: logger) { connection in
            try await connection.loadFunctions(of: folder)
            try await trust.establish(on: connection)
        }
    }

    public func shutdown() async { await client.shutdown() }

    /// Calls one of the functions, and loads them again if somebody removed them.
    func call(
        _ function: AdmissionFunction, keys: [String], _ arguments: [RedisArgument], on connection: RedisConnection,
        deadline: Duration = .seconds(1)
    ) async throws(AdmissionError) -> RedisValue {
        try await connection.call(function, of: folder, keys: keys, arguments, deadline: deadline)
    }
}

extension RedisConnection {
    func loadFunctions(of folder: AdmissionFolder) async throws(AdmissionError) {
        _ = try await admissionCall(["FUNCTION", "LOAD", "REPLACE", .string(folder.library)], deadline: .seconds(2))
    }

    func call(
        _ function: AdmissionFunction, of folder: AdmissionFolder, keys: [String], _ arguments: [RedisArgument],
        deadline: Duration = .seconds(1)
    ) async throws(AdmissionError) -> RedisValue {
        let name = folder.name(of: function)
        do {
            return try await fcall(name, keys: keys, arguments: arguments, deadline: deadline)
        } catch {
            guard error.code == .server, error.message.hasPrefix("ERR Function not found") else { throw AdmissionError(error) }
        }
        try await loadFunctions(of: folder)
        do { return try await fcall(name, keys: keys, arguments: arguments, deadline: deadline) } catch {
            throw AdmissionError(error)
        }
    }

    func admissionCall(
        _ arguments: [RedisArgument], deadline: Duration = .seconds(1)
    ) async throws(AdmissionError) -> RedisValue {
        do { return try await call(arguments, deadline: deadline) } catch { throw AdmissionError(error) }
    }
}

extension AdmissionError {
    init(_ error: RedisError) {
        let code: Code =
            switch (error.code, error.serverCode) {
            case (.server, "DUPLICATE"): .duplicateRequest
            case (.server, "OVERFLOW"): .overflow
            // What a function or a command says of its keys and arguments; the other code words are of the server's condition.
            case (.server, "ERR"), (.server, "WRONGTYPE"), (.server, nil), (.decodingFailed, _), (.protocolViolation, _):
                .protocolViolation
            default: .unavailable
            }
        self.init(code, error.description)
    }
}
