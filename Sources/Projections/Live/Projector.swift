public import Ledger
public import Logging
public import Postgres
import Synchronization

/// Keeps one projection's tables in step with the ledger.
///
/// Any number of processes may run a projector of the same projection: one holds it, the others stand by and take over
/// within two seconds of its death.
public final class Projector: Sendable {
    /// What this process's projector does.
    public enum State: Sendable, Hashable {
        /// `run` has not begun, or has ended.
        case stopped
        /// Another process holds the projection, or the database can't be reached.
        case standby
        /// Applying what comes.
        case live
        /// Nothing is applied until a person has dealt with it; `position` is the event that could not be applied, where one
        /// event is the reason.
        case halted(position: Int64?, reason: String)
    }

    public let definition: ProjectionDefinition

    /// What it does now.
    public var state: State { shared.withLock { $0.state } }
    /// The last position that this process has applied, or 0.
    public var position: Int64 { shared.withLock { $0.position } }

    let configuration: PostgresConfiguration
    let signal: LedgerSignal?
    let mirror: (any ProjectionMirror)?
    let pace: Duration
    let patience: Duration
    let logger: Logger
    private let shared = Mutex(Shared())

    private struct Shared {
        var state = State.stopped
        var position: Int64 = 0
        /// Since when the tables are left to others for an event that is not understood here, and nobody has brought them on.
        var leftSince: ContinuousClock.Instant?
    }

    /// How long a process that does not hold the projection waits before it asks again.
    static let standbyInterval: Duration = .milliseconds(500)
    /// After this the tables are left to others anew: one that knows the events may have come meanwhile.
    private static let longAgo: Duration = .seconds(600)
    /// How long a projector that is not woken waits before it looks.
    static let pollInterval: Duration = .milliseconds(250)

    /// - Parameters:
    ///   - configuration: A role that is, or may become, `llmgateway_projector`.
    ///   - signal: Wakes the projector; without it, it looks every 250 ms.
    ///   - mirror: Told of every batch before the checkpoint moves.
    ///   - pace: Batches of requests' events begin at most this often, because a transaction and a dozen statements cost CPU that
    ///     requests need, however few the events; the first event after a pause is applied at once. By default 250 ms, and 50 ms with a
    ///     mirror, which others wait for.
    ///   - patience: For how long the tables are left to others because of events that only a later version knows. When nobody has
    ///     taken them by then, such events are poison; those that follow at once.
    public init(
        definition: ProjectionDefinition, configuration: PostgresConfiguration, signal: LedgerSignal?,
        mirror: (any ProjectionMirror)? = nil, pace: Duration? = nil, patience: Duration = .seconds(20), logger: Logger
    ) {
        self.definition = definition
        self.configuration = configuration
        self.signal = signal
        self.mirror = mirror
        self.pace = pace ?? (mirror == nil ? .milliseconds(250) : .milliseconds(50))
        self.patience = patience
        var logger = logger
        logger[metadataKey: "projection"] = "\(definition.name)"
        self.logger = logger
    }

    /// Applies events until the task is cancelled. Outages are logged and waited out.
    public func run() async {
        var backoff = Backoff(first: .milliseconds(200), last: .seconds(5))
        set(.standby)
        while !Task.isCancelled {
            do {
                let connection = try await Session.open(configuration, purpose: "projection \(definition.name)", logger: logger)
                try await connection.use { connection in
                    try await connection.useSchema(definition.name)
                    backoff.reset()
                    set(.standby)
                    try await stand(by: connection)
                }
            } catch {
                if Task.isCancelled { break }
                logger.warning("projector lost the database", metadata: ["error": "\(error)"])
                // A database that is away comes back; a right or a table that is missing somebody has to give.
                if let error = error as? PostgresError, BatchFailure.isMissing(error) {
                    set(.halted(position: nil, reason: BatchFailure.reason(error)))
                } else {
                    set(.standby)
                }
                await Self.sleep(backoff.next())
            }
        }
        set(.stopped)
    }

    /// Waits for the lock, follows the ledger while it is held, and begins again when it had to be given up.
    private func stand(by connection: PostgresConnection) async throws {
        while !Task.isCancelled {
            if try await ProjectionLock.take(ProjectionLock.live, definition.name, connection) {
                try await Installer(definition: definition, connection: connection).renewView(schema: definition.name)
                var follower = Follower(projector: self, connection: connection)
                let pause = try await follower.follow()
                try await ProjectionLock.release(ProjectionLock.live, definition.name, connection)
                await Self.sleep(pause)
            } else {
                if case .halted = state {} else { set(.standby) }
                await Self.sleep(Self.standbyInterval)
            }
        }
    }

    func set(_ state: State) {
        let old = shared.withLock { shared in
            defer { shared.state = state }
            return shared.state
        }
        guard old != state else { return }
        switch state {
        case .halted(let position, let reason):
            logger.error(
                "projection is halted", metadata: ["position": "\(position.map(String.init) ?? "-")", "reason": "\(reason)"])
        default: logger.info("projector is \(state)")
        }
    }

    /// Whether others had long enough to take the tables. That somebody held them for a moment says nothing: he may not
    /// understand the event either.
    ///
    /// - Parameter position: Up to where the tables are, before an event that is not understood.
    func hasLeftToOthers(after position: Int64) -> Bool {
        let now = ContinuousClock.now
        return shared.withLock { shared in
            let wereBroughtOn = position > shared.position
            shared.position = max(shared.position, position)
            if !wereBroughtOn, let since = shared.leftSince, now - since < Self.longAgo { return now - since >= patience }
            shared.leftSince = now
            return false
        }
    }

    func reached(_ position: Int64) { shared.withLock { $0.position = position } }

    /// Sleeps; returns early when the task is cancelled.
    static func sleep(_ duration: Duration) async {
        do { try await Task.sleep(for: duration) } catch {}
    }
}
