public import Logging
public import Postgres
import Synchronization

/// Ends sessions that hold the append lock and no longer send: nobody could append meanwhile.
public final class Watchdog: Sendable {
    private let client: PostgresClient
    private let logger: Logger
    private let count = Atomic<Int64>(0)

    public init(client: PostgresClient, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    /// Sessions that were ended since the start.
    public var ended: Int64 { count.load(ordering: .relaxed) }

    /// Looks once.
    /// - Returns: the process ids of the sessions that were ended.
    @discardableResult
    public func look() async throws -> [Int32] {
        let rows = try await client.query(
            "SELECT pid, application, ended FROM ledger.end_stalled_appenders()", deadline: .seconds(10))
        var pids: [Int32] = []
        for row in rows {
            let pid: Int32 = try row.decode(0)
            let application: String? = try row.decode(1)
            let ended: Bool = try row.decode(2)
            if ended { pids.append(pid) }
            logger.error(
                "a session stalled while it held the append lock",
                metadata: ["pid": "\(pid)", "application": "\(application ?? "")", "ended": "\(ended)"])
        }
        count.add(Int64(pids.count), ordering: .relaxed)
        return pids
    }

    /// Looks every second until cancelled.
    public func run() async {
        while !Task.isCancelled {
            do { try await look() } catch {
                logger.debug("the watchdog could not look", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }
}
