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
    private let logger: Logger

    /// - Parameter patience: how long a batch waits for Redis the first time; doubled with every batch that was left out, up
    ///   to 16 times, and back at the start when Redis answers.
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
                // Asked after the epochs were read: none that began for another Redis may begin a state in this one, and no batch
                // may be left to a Redis that nobody asks any more. Without its marker everything is built anew anyway.
                let isOnRecord = try await store.trust.isOnRecord(keys, on: store.any)
                try await send(slices, isOnRecord ? epochs : [:])
                _ = try await store.any.command(progress)
                patience.answered()
                return
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

    private func send(_ slices: [Slice], _ epochs: [OrganizationID: Int64]) async throws {
        if slices.count == 1 { return try await send(slices[0], epochs[slices[0].organization]) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for slice in slices { group.addTask { try await send(slice, epochs[slice.organization]) } }
            try await group.waitForAll()
        }
    }

    private func send(_ slice: Slice, _ epoch: Int64?) async throws(AdmissionError) {
        let keys = OrganizationKeys(slice.organization)
        var parts = slice.parts(of: Self.stepsOfOneCall)[...]
        do throws(AdmissionError) {
            if let epoch, let first = parts.first, try await begin(Seed(first: first, epoch: epoch), keys) {
                parts = parts.dropFirst()
            }
            for part in parts {
                let answer = try await store.any.call(.apply, keys: keys.all, part.arguments, deadline: .seconds(2))
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
    private func begin(_ seed: Seed, _ keys: OrganizationKeys) async throws(AdmissionError) -> Bool {
        let claim = try await store.any.call(
            .claim, keys: keys.all, [.string(RequestID.mint().uuid.lowercase), "0", .integer(Claim.milliseconds)],
            deadline: .seconds(2))
        guard case .claimed(let loss, let token) = try Claim(claim) else { return false }
        do throws(AdmissionError) {
            if loss == .missing {
                let answer = try await store.any.call(
                    .seed, keys: keys.all, [.string(token)] + seed.arguments, deadline: .seconds(2))
                if answer.string == "seeded" { return true }
            }
            _ = try await store.any.call(.unclaim, keys: keys.all, [.string(token)], deadline: .seconds(2))
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

    private func leaveOut(upto: Int64, because error: any Error) async throws {
        let runID = try await store.epochs.record().runID
        let epoch = try await store.epochs.start(organization: nil, reason: "redis_unreachable", runID: runID)
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
    private let first: Duration
    private let factor = Mutex(1)

    init(_ first: Duration) { self.first = first }

    var current: Duration { first * factor.withLock { $0 } }

    func answered() { factor.withLock { $0 = 1 } }

    func leftOut() { factor.withLock { $0 = min(16, $0 * 2) } }
}
