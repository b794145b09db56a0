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
    private let parts: RebuildParts
    /// Fewer positions than this are not worth two connections.
    private let partsFrom: Int64
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
        partsFrom: Int64 = 100_000, progress: @escaping @Sendable (RebuildProgress) -> Void,
        _ body: (inout RebuildRun) async throws -> R
    ) async throws -> R {
        // It waits for a person or for a long statement of the other connection now and then.
        let patient = ["idle_session_timeout": "0", "idle_in_transaction_session_timeout": "60s", "work_mem": "256MB"]
        let work = try await Session.open(
            configuration, purpose: "rebuild \(definition.name)", overrides: patient, logger: logger)
        return try await work.use { work in
            let barrier = try await Session.open(
                configuration, purpose: "rebuild \(definition.name), barrier", overrides: patient, logger: logger)
            return try await barrier.use { barrier in
                guard try await ProjectionLock.take(ProjectionLock.rebuild, definition.name, work) else {
                    throw ProjectionError(.busy, "another process is rebuilding or comparing \(definition.name)")
                }
                let parts = RebuildParts(definition: definition, work: work) {
                    try await Session.open(
                        configuration, purpose: "rebuild \(definition.name), part", overrides: patient, logger: logger)
                }
                var run = RebuildRun(
                    definition: definition, work: work, barrier: barrier, parts: parts, partsFrom: partsFrom, progress: progress)
                let result: R
                do { result = try await body(&run) } catch {
                    await release(definition, work)
                    throw error
                }
                await release(definition, work)
                return result
            }
        }
    }

    /// The server would let the lock go only when it notices the session's end: too late for whoever comes next.
    private static func release(_ definition: ProjectionDefinition, _ work: PostgresConnection) async {
        try? await ProjectionLock.release(ProjectionLock.rebuild, definition.name, work)
    }

    private init(
        definition: ProjectionDefinition, work: PostgresConnection, barrier: PostgresConnection, parts: RebuildParts,
        partsFrom: Int64, progress: @escaping @Sendable (RebuildProgress) -> Void
    ) {
        self.definition = definition
        self.work = work
        self.barrier = barrier
        self.parts = parts
        self.partsFrom = partsFrom
        self.progress = progress
    }

    /// Builds the new tables up to the ledger's newest event, or goes on with an interrupted rebuild; then makes the indexes.
    mutating func build() async throws {
        try await prepare()
        try await work.useSchema(rebuild)
        try await applyParts()
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
    /// that it will be compared with. Tables that are outdated or halted stand still far behind, and nothing is compared with them.
    private func prepare() async throws {
        if let begun = try await Checkpoint.read(schema: rebuild, work) {
            let live = try await Checkpoint.read(schema: live, work)
            let parts = try await parts.checkpoints()
            let isUseful = (parts + [begun]).allSatisfy { one in
                one.isMade(by: definition) && one.isOfThisLedger
                    && live.map { !isComparable($0) || one.position <= $0.position } ?? true
            }
            // What an older view has let pass is not in the new tables.
            if isUseful, parts.isEmpty || definition.order.partition != nil, try await installer.hasView(schema: rebuild) {
                return
            }
        }
        try await parts.drop()
        try await installer.drop(schema: rebuild)
        try await installer.install(schema: rebuild, indexed: false)
    }

    /// Applies by two connections at once what may be applied so; the rest is left to ``apply(_:until:)``.
    private mutating func applyParts() async throws {
        guard definition.order.partition != nil, let begun = try await Checkpoint.read(schema: rebuild, work) else { return }
        let target = try await comparable()?.position ?? begun.head
        var checkpoints = try await parts.checkpoints()
        guard !checkpoints.isEmpty || target - begun.position >= partsFrom else { return }
        if checkpoints.isEmpty {
            try await parts.install()
            checkpoints = try await parts.checkpoints()
        }
        let first = checkpoints.reduce(0) { $0 + $1.position } / Int64(max(1, checkpoints.count))
        let began = clock.now
        let (clock, progress) = (clock, progress)
        let rate: @Sendable (Int64) -> Double = { Double($0 - first) / (clock.now - began).seconds }
        try await parts.apply(upto: target) { position in
            progress(RebuildProgress(.applying, position, target, eventsPerSecond: rate(position)))
        }
        eventsPerSecond = rate(target)
    }

    /// Applies batches, none beyond tables that the new ones will be compared with, until `done`.
    private mutating func apply(
        _ phase: RebuildProgress.Phase, until done: (BatchRunner.Applied) -> Bool
    ) async throws {
        var replay = Replay(runner)
        let began = clock.now
        let isMeasured = eventsPerSecond > 0
        var first: Int64?
        while true {
            let ceiling = try await comparable().map(\.position) ?? .max
            let applied = try await replay.next(ceiling: ceiling)
            let from = first ?? applied.after
            first = from
            if phase == .applying, !isMeasured, applied.upto > from {
                eventsPerSecond = Double(applied.upto - from) / (clock.now - began).seconds
            }
            let target = min(applied.head, ceiling)
            report(phase, applied.upto, target)
            if done(applied) || applied.upto >= target { return }
        }
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
                    throw error.thrown(for: definition.name)
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
        progress(RebuildProgress(phase, position, target, eventsPerSecond: eventsPerSecond))
    }

    static func gone(_ name: String) -> ProjectionError {
        ProjectionError(.busy, "the new tables of \(name) were dropped by somebody else")
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
}
