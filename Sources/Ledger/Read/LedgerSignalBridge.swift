public import Logging
public import Postgres

/// Carries a process's signals to the others by NOTIFY, and theirs here by LISTEN.
///
/// At most 50 a second go out, outside the append's transaction; what is lost is made good by the followers' own polling.
public struct LedgerSignalBridge: Sendable {
    static let channel = "ledger"

    private let signal: LedgerSignal
    private let configuration: PostgresConfiguration
    private let logger: Logger

    public init(signal: LedgerSignal, configuration: PostgresConfiguration, logger: Logger) {
        self.signal = signal
        var session = configuration
        session.applicationName = "llmgateway signal"
        // A notification has nothing to keep, and must not have the appends wait for one more flush of the log.
        session.settings["synchronous_commit"] = "off"
        self.configuration = session
        self.logger = logger
    }

    /// Runs until cancelled; a lost connection is opened again.
    public func run() async {
        var pause = Duration.milliseconds(50)
        while !Task.isCancelled {
            do {
                let connection = try await PostgresConnection.connect(configuration, logger: logger)
                pause = .milliseconds(50)
                await carry(over: connection)
                await connection.close()
            } catch {
                if Task.isCancelled { return }
                logger.warning("no connection for signals", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(2))
        }
    }

    private func carry(over connection: PostgresConnection) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    for await payload in try await connection.listen(Self.channel) {
                        guard let notice = Notice(payload) else { continue }
                        signal.signalFromElsewhere(notice.position, hasChanges: notice.hasChanges)
                    }
                } catch {
                    if Task.isCancelled { return }
                    logger.warning("LISTEN ended", metadata: ["error": "\(error)"])
                }
            }
            group.addTask {
                var told: Int64 = 0
                while !Task.isCancelled && connection.isOpen {
                    let seen = signal.position
                    let own = signal.ownPosition
                    if own > told {
                        let notice = Notice(position: own, hasChanges: signal.ownChangePosition > told)
                        do {
                            try await connection.query("SELECT pg_notify('\(Self.channel)', $1)", [.text(notice.payload)])
                        } catch { return }
                        told = own
                    }
                    await signal.wait(beyond: seen, atMost: .seconds(5))
                    try? await Task.sleep(for: .milliseconds(20))
                }
            }
            await group.next()
            group.cancelAll()
        }
    }
}

/// What one process tells the others: a position, and ` requests` after it where nothing else was committed since the last.
struct Notice: Sendable, Hashable {
    private static let requestsAlone = " requests"

    let position: Int64
    let hasChanges: Bool

    init(position: Int64, hasChanges: Bool) {
        self.position = position
        self.hasChanges = hasChanges
    }

    init?(_ payload: String) {
        hasChanges = !payload.hasSuffix(Self.requestsAlone)
        guard let position = Int64(hasChanges ? payload : String(payload.dropLast(Self.requestsAlone.count))) else { return nil }
        self.position = position
    }

    var payload: String { hasChanges ? String(position) : "\(position)\(Self.requestsAlone)" }
}
