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
    let store: AdmissionStore

    var epochs: EpochStarter { store.epochs }
    var trust: RedisTrust { store.trust }
    /// Any connection.
    var any: any AdmissionConnection { store.any }

    public init(
        configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, folder: AdmissionFolder, postgres: PostgresClient,
        appender: Appender, logger: Logger
    ) {
        let epochs = EpochStarter(appender: appender, postgres: postgres)
        let trust = RedisTrust(reads: epochs.reads, epochs: epochs, surroundings: .machine, logger: logger)
        self.folder = folder
        self.postgres = postgres
        let client = RedisClient(configuration: configuration, eventLoopGroup: eventLoopGroup, logger: logger) { connection in
            try await connection.loadFunctions(of: folder)
            try await trust.establish(on: RedisAdmissionConnection(connection: connection, folder: folder))
        }
        self.client = client
        store = AdmissionStore(reads: epochs.reads, epochs: epochs, trust: trust, surroundings: .machine) { eventLoop in
            RedisAdmissionConnection(
                connection: eventLoop.map { client.connection(for: $0) } ?? client.any, folder: folder)
        }
    }

    public func shutdown() async { await client.shutdown() }
}

extension RedisConnection {
    func loadFunctions(of folder: AdmissionFolder) async throws(AdmissionError) {
        do {
            _ = try await call(["FUNCTION", "LOAD", "REPLACE", .string(folder.library)], deadline: .seconds(2))
        } catch {
            throw AdmissionError(error)
        }
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
}

extension AdmissionError {
    init(_ error: RedisError) {
        let code: Code =
            switch (error.code, error.serverCode) {
            case (.server, "DUPLICATE"): .duplicateRequest
            case (.server, "OVERFLOW"): .overflow
            // What a function or a command says of its keys and arguments; the other code words are of the server's condition.
            case (.server, "ERR"), (.server, "WRONGTYPE"), (.server, nil), (.protocolViolation, _): .protocolViolation
            default: .unavailable
            }
        self.init(code, error.description)
    }
}
