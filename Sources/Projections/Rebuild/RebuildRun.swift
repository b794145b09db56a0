import Logging
import Postgres

/// One rebuild on its way: what is shared by rebuilding and comparing.
struct RebuildRun {
    let definition: ProjectionDefinition
    /// Builds the new tables.
    let work: PostgresConnection
    /// Holds the live projector still.
    let barrier: PostgresConnection
    let progress: @Sendable (RebuildProgress) -> Void
    private(set) var eventsPerSecond: Double = 0
    private let clock = ContinuousClock()

    var live: String { ProjectionSchema.live(definition.name) }
    var rebuild: String { ProjectionSchema.rebuild(definition.name) }
    var previous: String { ProjectionSchema.previous(definition.name) }

    private var installer: Installer { Installer(definition: definition, connection: work) }
    private var runner: BatchRunner {
        BatchRunner(definition: definition, schema: rebuild, connection: work, mirror: nil)
    }

    /// Opens the connections and takes the lock of rebuilds.
    ///
    /// - Throws: ``ProjectionError/Code/busy`` when another process rebuilds or compares this projection.
    static func with<R: Sendable>(
        _ definition: ProjectionDefinition, _ configuration: PostgresConfiguration, logger: Logger,
        progress: @escaping @Sendable (RebuildProgress) -> Void, _ body: (inout RebuildRun) async throws -> R
    ) async throws -> R {
        // It waits for a person or for a long statement of the other connection now and then.
        let patient = ["idle_session_timeout": "0", "idle_in_transaction_session_timeout": "60s", "work_mem": "256MB"]
        let work = try await Session.open(
            configuration, purpose: "rebuild \(definition.name)", overrides: patient, logger: logger)
        do {
            let barrier = try await Session.open(
                configuration, purpose: "rebuild \(definition.name), barrier", overrides: patient, logger: logger)
            do {
                guard try await ProjectionLock.take(ProjectionLock.rebuild, definition.name, work) else {
                    throw ProjectionError(.busy, "another process is rebuilding or comparing \(definition.name)")
                }
                var run = RebuildRun(definition: definition, work: work, barrier: barrier, progress: progress)
                let result = try await body(&run)
                await barrier.close()
                await work.close()
                return result
            } catch {
                await barrier.close()
                throw error
            }
        } catch {
            await work.close()
            throw error
        }
    }

    private init(
        definition: ProjectionDefinition, work: PostgresConnection, barrier: PostgresConnection,
        progress: @escaping @Sendable (RebuildProgress) -> Void
    ) {
        self.definition = definition
        self.work = work
        self.barrier = barrier
        self.progress = progress
    }

    /// Builds the new tables up to the ledger's newest event, or goes on with an interrupted rebuild; then makes the indexes.
    mutating func build() async throws {
        try await prepare()
        try await work.useSchema(rebuild)
        try await apply(.applying, until: { $0.upto >= $0.head })
        guard let checkpoint = try await Checkpoint.read(schema: rebuild, work) else { throw Self.gone(definition.name) }
        if !checkpoint.indexed {
            report(.indexing, checkpoint.position, checkpoint.head)
            try await installer.index(schema: rebuild)
            try await work.useSchema(rebuild)
        }
        try await apply(.catchingUp, until: { $0.upto >= $0.head })
    }

    /// An interrupted rebuild is worth going on with when it was of the same SQL and of this ledger, and not ahead of the tables
    /// that it will be compared with.
    private func prepare() async throws {
        if let begun = try await Checkpoint.read(schema: rebuild, work) {
            let live = try await Checkpoint.read(schema: live, work)
            if begun.isMade(by: definition), begun.isOfThisLedger, live.map({ begun.position <= $0.position }) ?? true { return }
        }
        try await installer.drop(schema: rebuild)
        try await installer.install(schema: rebuild, indexed: false)
    }

    /// Applies batches, none beyond tables that the new ones will be compared with, until `done`.
    private mutating func apply(
        _ phase: RebuildProgress.Phase, until done: (BatchRunner.Applied) -> Bool
    ) async throws {
        var size = BatchSize.rebuild
        var search = PoisonSearch()
        let began = clock.now
        var first: Int64?
        var position: Int64 = 0
        while true {
            try Task.checkCancellation()
            let ceiling = try await comparable().map(\.position) ?? .max
            let start = clock.now
            let applied: BatchRunner.Applied
            do throws(BatchFailure) {
                applied = try await runner.apply(limit: search.limit(after: position, normal: size.size), ceiling: ceiling)
            } catch {
                guard case .poison(let after, let upto, let reason) = error else { throw Self.error(for: error, definition.name) }
                position = after
                if let poison = search.failed(after: after, upto: upto) { try await poisoned(at: poison, reason) }
                continue
            }
            position = applied.upto
            search.reached(position)
            size.took(clock.now - start, count: applied.upto - applied.after)
            let from = first ?? applied.after
            first = from
            if phase == .applying, applied.upto > from {
                eventsPerSecond = Double(applied.upto - from) / (clock.now - began).seconds
            }
            let target = min(applied.head, ceiling)
            report(phase, applied.upto, target)
            if done(applied) || applied.upto >= target { return }
        }
    }

    private func poisoned(at position: Int64, _ reason: String) async throws {
        if try await runner.park(position: position, reason: reason) { return }
        throw ProjectionError(.poison, "event \(position) can't be applied: \(reason)")
    }

    /// The live tables, when they are of this definition and in good order, so that the new ones must come out the same.
    func comparable() async throws -> Checkpoint? {
        guard let checkpoint = try await Checkpoint.read(schema: live, barrier) else { return nil }
        return isComparable(checkpoint) ? checkpoint : nil
    }

    private func isComparable(_ checkpoint: Checkpoint) -> Bool {
        checkpoint.isMade(by: definition) && checkpoint.isOfThisLedger && !checkpoint.halted
    }

    /// Holds the live projector still, brings the new tables to exactly its position (or to the ledger's end, where there is
    /// nothing to be level with), and runs `body`; the barrier's transaction is open in it and commits after it.
    func level<R: Sendable>(_ body: (Checkpoint?) async throws -> R) async throws -> R {
        try await barrier.inTransaction {
            let held = try await Checkpoint.lock(schema: live, barrier)
            let level = held.flatMap { isComparable($0) ? $0 : nil }
            let ceiling = level?.position ?? held?.head ?? .max
            while true {
                let applied: BatchRunner.Applied
                do throws(BatchFailure) {
                    applied = try await runner.apply(limit: 20_000, ceiling: ceiling)
                } catch {
                    throw Self.error(for: error, definition.name)
                }
                if let level {
                    guard applied.upto <= level.position else {
                        throw ProjectionError(
                            .busy, "the new tables of \(definition.name) are ahead of the live ones; begin again")
                    }
                    if applied.upto == level.position { break }
                } else if applied.upto >= min(applied.head, ceiling) {
                    break
                }
            }
            return try await body(held)
        }
    }

    /// Digests of both at one position, from one snapshot; nil when there is nothing that must be the same.
    func compare() async throws -> Comparison? {
        guard try await comparable() != nil else { return nil }
        let name = definition.name
        try await work.useSchema(rebuild)
        let position: Int64? = try await level { held in
            guard let held, isComparable(held) else { return nil }
            try await work.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            // The first statement takes the snapshot; then the live projector may go on.
            try await work.query("SELECT count(*) FROM projections.checkpoints")
            return held.position
        }
        guard let position else { return nil }
        report(.comparing, position, position)
        do {
            let digests = Digests(connection: work)
            let (live, replayed) = (try await digests.digest(schema: live), try await digests.digest(schema: rebuild))
            await work.rollback()
            return Comparison(name: name, position: position, live: live, replayed: replayed)
        } catch {
            await work.rollback()
            throw error
        }
    }

    /// - Throws: ``ProjectionError/Code/unsound`` when `verify.sql` finds something in the new tables.
    func verify() async throws {
        report(.verifying, 0, 0)
        let problems = try await Verification(definition: definition, connection: work).problems(schema: rebuild)
        guard problems.isEmpty else {
            throw ProjectionError(
                .unsound,
                "verify.sql of \(definition.name) finds in the new tables: \(problems.prefix(5).joined(separator: "; "))")
        }
    }

    func report(_ phase: RebuildProgress.Phase, _ position: Int64, _ target: Int64) {
        let left = Double(max(0, target - position))
        progress(
            RebuildProgress(
                phase: phase, position: position, target: target, eventsPerSecond: eventsPerSecond,
                remaining: eventsPerSecond > 0 ? .seconds(left / eventsPerSecond) : nil))
    }

    static func gone(_ name: String) -> ProjectionError {
        ProjectionError(.busy, "the new tables of \(name) were dropped by somebody else")
    }

    private static func error(for failure: BatchFailure, _ name: String) -> any Error {
        switch failure {
        case .poison(_, let upto, let reason): ProjectionError(.poison, "an event up to \(upto) can't be applied: \(reason)")
        case .outage(let error): error
        case .outdated(let reason): ProjectionError(.outdated, reason)
        case .otherHistory(let reason): ProjectionError(.otherHistory, reason)
        case .missing: gone(name)
        }
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
}
