package import Ledger
public import Logging
public import Postgres
public import Projections
import Redis
import Synchronization

/// Writes each batch of the admission projection to Redis before the batch commits.
///
/// A batch that comes twice is skipped by its positions. A Redis that stays away does not hold the projection up for ever:
/// after a while the batch is left out, but first a new epoch begins for all organizations, so that append refuses whatever is
/// admitted against the state that lacks the batch, and every organization is built anew when Redis is back.
public struct AdmissionMirror: ProjectionMirror {
    private let store: AdmissionStore
    private let reader = SliceReader()
    private let patience: MirrorPatience
    private let lastSeen = LastSeen()
    private let logger: Logger

    /// - Parameter patience: how long a batch waits for Redis the first time; doubled with every batch that was left out, up
    ///   to 4 s, and back at the start when Redis answers.
    public init(redis: AdmissionRedis, patience: Duration = .seconds(2), logger: Logger) {
        self.init(store: redis.store, patience: patience, logger: logger)
    }

    package init(store: AdmissionStore, patience: Duration = .seconds(2), logger: Logger) {
        self.store = store
        self.patience = MirrorPatience(patience)
        self.logger = logger
    }

    public func apply(after: Int64, upto: Int64, connection: PostgresConnection) async throws {
        let slices = try await reader.slices(after: after, upto: upto, connection: connection)
        try await write(slices, upto: upto) { new in try await self.firstEpochs(of: new, connection: connection) }
    }

    /// The event's organization is not known in Redis from here on, and nobody of this version builds it: nobody is served on credit or
    /// by a key that the event may have changed.
    public func distrust(event position: Int64, connection: PostgresConnection) async throws {
        let rows = try await connection.query(
            """
            SELECT n.organization, n.type,
                (\(AdmissionEvent.lastPosition(of: "n.organization", upto: "n.position - 1", types: "$2")))
            FROM ledger.events AS n WHERE n.position = $1 AND n.organization IS NOT NULL
            """, [.int8(position), .textArray(AdmissionEvent.types)])
        guard let row = rows.first else { return }
        var slice = Slice(
            organization: OrganizationID(uuid: try row.decode(0)), previous: try row.decode(2, as: Int64?.self) ?? 0)
        slice.park("newer \(try row.decode(1, as: String.self))", at: position)
        _ = try await store.any.call(
            .apply, keys: OrganizationKeys(slice.organization).all, slice.arguments, deadline: .seconds(1))
    }

    /// Writes slices to Redis, or begins an epoch that makes up for their absence there.
    /// - Parameter firstEpochs: in which epoch the states of new organizations begin.
    package func write(
        _ slices: [Slice], upto: Int64, firstEpochs: ([OrganizationID]) async throws -> [OrganizationID: Int64]
    ) async throws {
        let keys = ServerKeys(ledger: try await store.epochs.ledgerID())
        let progress: [RedisArgument] = ["HSET", .string(keys.server), "applied", .integer(upto)]
        guard !slices.isEmpty else {
            // Nothing that Redis needs; above all not the event of an epoch, which would be followed by another for ever.
            _ = try? await store.any.command(progress, deadline: .milliseconds(100))
            return
        }
        let new = slices.filter { $0.previous == 0 }.map(\.organization)
        let epochs = new.isEmpty ? [:] : try await firstEpochs(new)
        let giveUp = store.surroundings.now() + patience.current
        while true {
            do {
                let isOnRecord = try await isOnRecord(keys, deadline: min(.seconds(1), deadline(until: giveUp)))
                try await send(slices, isOnRecord ? epochs : [:], until: giveUp)
                _ = try await store.any.command(progress, deadline: deadline(until: giveUp))
                patience.answered()
                return
            } catch let error as MirrorElsewhere {
                throw error
            } catch {
                try Task.checkCancellation()
                guard store.surroundings.now() < giveUp else {
                    try await leaveOut(upto: upto, because: error)
                    return
                }
                await store.surroundings.sleep(.milliseconds(50))
            }
        }
    }

    /// Whether this Redis is the one on record: no batch may be left to one that nobody asks any more, and no epoch that began for
    /// another may begin a state in this one, so it is asked after the epochs were read. Without its marker everything is built anew
    /// anyway.
    /// - Throws: ``MirrorElsewhere`` where another one is on record.
    private func isOnRecord(_ keys: ServerKeys, deadline: Duration) async throws -> Bool {
        switch try await store.trust.recorded(keys, deadline: deadline, on: store.any) {
        case .this(let runID):
            lastSeen.runID.withLock { $0 = runID }
            return true
        case .unknown: return false
        case .another: throw MirrorElsewhere(reason: "the ledger trusts another Redis than that of this process")
        }
    }

    /// Where an organization's first events are: the epoch in which its state begins.
    private func firstEpochs(
        of new: [OrganizationID], connection: PostgresConnection
    ) async throws -> [OrganizationID: Int64] {
        let rows = try await connection.query(
            """
            SELECT o.organization, (
                SELECT max(s.epoch) FROM ledger.epochs AS s
                WHERE s.organization IN (o.organization, '00000000-0000-0000-0000-000000000000'))
            FROM unnest($1) AS o (organization)
            """,
            [.uuidArray(new.map(\.uuid))])
        var epochs: [OrganizationID: Int64] = [:]
        for row in rows { epochs[OrganizationID(uuid: try row.decode(0))] = try row.decode(1) }
        return epochs
    }

    private func send(
        _ slices: [Slice], _ epochs: [OrganizationID: Int64], until giveUp: ContinuousClock.Instant
    ) async throws {
        if slices.count == 1 { return try await send(slices[0], epochs[slices[0].organization], until: giveUp) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for slice in slices { group.addTask { try await send(slice, epochs[slice.organization], until: giveUp) } }
            try await group.waitForAll()
        }
    }

    /// How long one call may take: the last ones before the batch is given up must not hold it up for longer.
    private func deadline(until giveUp: ContinuousClock.Instant) -> Duration {
        min(.seconds(2), max(.milliseconds(100), giveUp - store.surroundings.now()))
    }

    private func send(
        _ slice: Slice, _ epoch: Int64?, until giveUp: ContinuousClock.Instant
    ) async throws(AdmissionError) {
        let keys = OrganizationKeys(slice.organization)
        var parts = slice.parts(of: Self.stepsOfOneCall)[...]
        do throws(AdmissionError) {
            if let epoch, let first = parts.first, try await begin(Seed(first: first, epoch: epoch), keys, until: giveUp) {
                parts = parts.dropFirst()
            }
            for part in parts {
                let answer = try await store.any.call(
                    .apply, keys: keys.all, part.arguments, deadline: deadline(until: giveUp))
                switch answer.string {
                case "applied", "already": continue
                // Whoever asks for a hold next has the state built anew from Postgres.
                case "missing": return
                case "unknown":
                    logger.warning(
                        "Redis lacks events of an organization, which is unknown from here on",
                        metadata: ["organization": "\(slice.organization)", "position": "\(part.last)"])
                    return
                default: throw AdmissionError(.protocolViolation, "apply answered \(answer)")
                }
            }
        } catch  where error.code == .protocolViolation {
            try await abandon(slice.organization, keys, because: error)
        }
    }

    /// Begins a new organization's state with its first events, unless there is one or somebody is building one.
    ///
    /// Nobody can have asked for a hold before them, so no new epoch is needed.
    private func begin(
        _ seed: Seed, _ keys: OrganizationKeys, until giveUp: ContinuousClock.Instant
    ) async throws(AdmissionError) -> Bool {
        let claim = try await store.any.call(
            .claim, keys: keys.all, [.string(RequestID.mint().uuid.lowercase), "0", .integer(Claim.milliseconds)],
            deadline: deadline(until: giveUp))
        guard case .claimed(let loss, let token) = try Claim(claim) else { return false }
        do throws(AdmissionError) {
            if loss == .missing {
                let answer = try await store.any.call(
                    .seed, keys: keys.all, [.string(token)] + seed.arguments, deadline: deadline(until: giveUp))
                if answer.string == "seeded" { return true }
            }
            _ = try await store.any.call(.unclaim, keys: keys.all, [.string(token)], deadline: deadline(until: giveUp))
            return false
        } catch {
            // Best effort, as in ``Healer``: a claim that stays runs out by itself.
            _ = try? await store.any.call(.unclaim, keys: keys.all, [.string(token)], deadline: .milliseconds(100))
            throw error
        }
    }

    /// A state that makes the functions fail is one organization's trouble: it is fenced, removed and built anew.
    private func abandon(
        _ organization: OrganizationID, _ keys: OrganizationKeys, because error: AdmissionError
    ) async throws(AdmissionError) {
        let epoch = try await store.epochs.start(organization: organization, reason: "state_unsound")
        _ = try await store.any.command(["UNLINK", .string(keys.state), .string(keys.holds)])
        logger.error(
            "an organization's state could not be brought up to date and was removed",
            metadata: ["organization": "\(organization)", "epoch": "\(epoch)", "error": "\(error)"])
    }

    /// What leaving a batch out may take, in all.
    static let leavingOut = Duration.seconds(3)

    private func leaveOut(upto: Int64, because error: any Error) async throws {
        let record = try await store.epochs.record(deadline: Self.leavingOut / 3)
        // Another Redis has taken the place of one that is gone, and may have heard of nothing for want of this projection. Once: where
        // nobody reaches that one either, the batch is left out the next time.
        if let seen = lastSeen.runID.withLock({ last in
            defer { last = nil }
            return last
        }), seen != record.runID {
            throw MirrorElsewhere(reason: "the ledger trusts another Redis than the one that was written to and is away")
        }
        let begun = try await store.epochs.startForAll(
            reason: "redis_unreachable", runID: record.runID, after: record, deadline: Self.leavingOut * 2 / 3)
        // The batch comes again.
        guard let epoch = begun else { throw AdmissionError(.unavailable, "another epoch began meanwhile") }
        patience.leftOut()
        logger.error(
            "Redis does not answer: the batch is left out and a new epoch begins",
            metadata: ["position": "\(upto)", "epoch": "\(epoch)", "error": "\(error)"])
    }

    /// Bounds how long one call keeps Redis from all others.
    private static let stepsOfOneCall = 500
}

/// How long a batch waits for Redis.
final class MirrorPatience: Sendable {
    /// The batch's transaction is open all the while. With what leaving it out takes this is well below the time after which Postgres
    /// ends the session: otherwise a batch that was left out is never committed, and each attempt begins another epoch.
    static let longest = Duration.seconds(4)

    private let first: Duration
    private let factor = Mutex(1)

    init(_ first: Duration) { self.first = first }

    var current: Duration { min(Self.longest, first * factor.withLock { $0 }) }

    func answered() { factor.withLock { $0 = 1 } }

    func leftOut() { factor.withLock { $0 = min(16, $0 * 2) } }
}

/// The Redis that was on record when it was last written to.
private final class LastSeen: Sendable {
    let runID = Mutex<String?>(nil)
}
