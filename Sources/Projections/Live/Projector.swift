public import Ledger
public import Logging
public import Postgres
internal import Synchronization

/// Folds the ledger into one projection's tables as events come.
///
/// Any number of processes may run one; the first takes the projection's lock, the others stand by and take over within two
/// seconds when its session ends.
public final class Projector: Sendable {
    /// What this process does with the projection.
    public enum State: Sendable, Hashable {
        case stopped
        /// Another process holds the projection.
        case standby
        case live
        /// An event can't be applied, or the ledger is another one than before.
        case halted(position: Int64?, reason: String)
    }

    public let definition: ProjectionDefinition
    /// What this process does with the projection now.
    public var state: State { shared.withLock { $0.state } }
    /// The last position that this process applied.
    public var position: Int64 { shared.withLock { $0.position } }

    private struct Shared {
        var state = State.stopped
        var position: Int64 = 0
    }

    private let configuration: PostgresConfiguration
    private let signal: LedgerSignal?
    private let mirror: (any ProjectionMirror)?
    private let logger: Logger
    private let shared = Mutex(Shared())

    /// Positions of one batch, so that a projection that is far behind does not hold a long transaction.
    private static let batchSize: Int64 = 5_000
    /// The least time between the starts of two batches while there is no backlog. A batch costs the planning of its
    /// statements whatever its size, so small ones one after the other would take the CPU that requests need.
    private var pace: Duration { mirror == nil ? .milliseconds(250) : .milliseconds(20) }
    /// How long it waits for a wake-up before it looks for itself.
    private static let polling = Duration.milliseconds(250)

    /// - Parameters:
    ///   - configuration: a role that is, or may become, `llmgateway_projector`.
    ///   - signal: tells of appends in this process; polling stands behind it.
    ///   - mirror: is told of every batch inside its transaction.
    public init(
        definition: ProjectionDefinition, configuration: PostgresConfiguration, signal: LedgerSignal?,
        mirror: (any ProjectionMirror)? = nil, logger: Logger
    ) {
        self.definition = definition
        self.configuration = configuration
        self.signal = signal
        self.mirror = mirror
        var logger = logger
        logger[metadataKey: "projection"] = "\(definition.name)"
        self.logger = logger
    }

    /// Applies events until the task is cancelled. Outages are logged and waited out.
    public func run() async {
        while !Task.isCancelled {
            do {
                let session = try await ProjectionSession.open(configuration, logger: logger)
                do { try await live(session) } catch {
                    await session.connection.close()
                    throw error
                }
                await session.connection.close()
            } catch {
                if Task.isCancelled { break }
                logger.warning("the projection is interrupted", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
        shared.withLock { $0.state = .stopped }
    }

    private func live(_ session: ProjectionSession) async throws {
        while try await !session.tryLock("projection." + definition.name) {
            set(.standby)
            try await Task.sleep(for: .seconds(1))
        }
        let schema = ProjectionSchema(definition)
        if try await Checkpoint.read(definition.name, on: session.connection) == nil {
            try await session.connection.script(schema.install(withIndexes: true))
        }
        while !Task.isCancelled {
            guard let checkpoint = try await Checkpoint.read(definition.name, on: session.connection) else {
                throw ProjectionError(.notInstalled, "the checkpoint of \(definition.name) is gone")
            }
            guard checkpoint.version == definition.version else {
                set(.halted(position: nil, reason: "the tables are of version \(checkpoint.version): rebuild the projection"))
                try await Task.sleep(for: .seconds(5))
                continue
            }
            shared.withLock { $0.position = checkpoint.position }
            try await follow(session, schema, from: checkpoint.position)
        }
    }

    /// Applies batch after batch until the checkpoint is moved by someone else or an event can't be applied.
    private func follow(_ session: ProjectionSession, _ schema: ProjectionSchema, from start: Int64) async throws {
        var position = start
        var size = Self.batchSize
        set(.live)
        while !Task.isCancelled {
            let head = try await session.head()
            guard head > position else {
                await wait(beyond: position)
                continue
            }
            let upto = min(head, position + size)
            let began = ContinuousClock.now
            do {
                try await session.apply(schema, after: position, upto: upto, mirror: mirror)
                let isBehind = upto - position == size
                position = upto
                shared.withLock { $0.position = upto }
                size = min(Self.batchSize, size * 2)
                if !isBehind { try await Task.sleep(until: began + pace) }
            } catch let error as PostgresError where error.sqlState == "LG101" {
                return
            } catch let error as PostgresError where error.sqlState == "LG102" {
                try await halt(session, at: nil, error.message)
                return
            } catch let error as PostgresError where error.isPoison {
                // Halving finds the first event that can't be applied while everything before it is.
                guard upto == position + 1 else {
                    size = max(1, (upto - position) / 2)
                    continue
                }
                if definition.onPoison == .halt {
                    try await halt(session, at: upto, error.message)
                    return
                }
                try await park(session, at: upto, error.message)
            }
        }
    }

    private func wait(beyond position: Int64) async {
        if let signal {
            _ = await signal.wait(beyond: position, atMost: Self.polling)
        } else {
            try? await Task.sleep(for: Self.polling)
        }
    }

    /// Records where and why the projection stands, and waits before it tries again.
    private func halt(_ session: ProjectionSession, at position: Int64?, _ reason: String) async throws {
        logger.critical(
            "the projection halted", metadata: ["position": "\(position.map(String.init) ?? "")", "reason": "\(reason)"])
        set(.halted(position: position, reason: reason))
        _ = try await session.connection.query(
            "UPDATE projections.checkpoints SET halted_at = $2, error = $3 WHERE schema_name = $1",
            [.text(definition.name), position.map { .int8($0) } ?? .null, .text(reason)])
        try await Task.sleep(for: .seconds(10))
    }

    private func park(_ session: ProjectionSession, at position: Int64, _ reason: String) async throws {
        logger.critical("an event was parked", metadata: ["position": "\(position)", "reason": "\(reason)"])
        _ = try await session.connection.query(
            """
            INSERT INTO projections.parked (name, position, organization, stream_kind, stream_id, error)
            SELECT $1, e.position, e.organization, e.stream_kind, e.stream_id, $3 FROM ledger.events AS e WHERE e.position = $2
            ON CONFLICT DO NOTHING
            """, [.text(definition.name), .int8(position), .text(reason)])
    }

    private func set(_ state: State) { shared.withLock { $0.state = state } }
}
