public import Logging
public import Postgres

/// Builds a projection's tables again from the first event, beside the live ones, and puts them in their place.
public struct Rebuilder: Sendable {
    /// What a rebuild did.
    public struct Report: Sendable, Hashable {
        public var name: String
        public var version: Int32
        /// The position at which the new tables took over.
        public var position: Int64
        /// Events a second while applying from position 1.
        public var eventsPerSecond: Double
        /// The proof by digests; nil where the live tables are of another version, missing or halted, and `verify.sql` decided.
        public var comparison: Comparison?
    }

    let definition: ProjectionDefinition
    let configuration: PostgresConfiguration
    let logger: Logger
    private let partsFrom: Int64

    /// - Parameters:
    ///   - configuration: A role that is, or may become, `llmgateway_projector`.
    ///   - partsFrom: From how many positions on two connections are used, where the projection's order allows it.
    public init(
        definition: ProjectionDefinition, configuration: PostgresConfiguration, partsFrom: Int64 = 100_000, logger: Logger
    ) {
        self.definition = definition
        self.configuration = configuration
        self.partsFrom = partsFrom
        self.logger = logger
    }

    /// Rebuilds, proves and swaps. An interrupted rebuild goes on where it ended.
    ///
    /// The old tables stay as NAME__previous, those of an earlier swap are dropped.
    ///
    /// - Throws: ``ProjectionError`` `.busy`, `.dependants`, `.different`, `.unsound`, `.poison`, or what the database threw; the
    ///   live tables are then untouched.
    public func rebuild(progress: @escaping @Sendable (RebuildProgress) -> Void = { _ in }) async throws -> Report {
        try await RebuildRun.with(
            definition, configuration, logger: logger, partsFrom: partsFrom, progress: progress
        ) { run in
            try await Dependants.refuse(schema: run.live, run.work)
            try await run.build()
            let comparison = try await run.compare()
            if let comparison {
                guard comparison.equal else { throw Self.difference(comparison) }
            } else {
                try await run.verify()
                try await run.work.useSchema(run.rebuild)
            }
            let position = try await swap(run)
            return Report(
                name: definition.name, version: definition.version, position: position, eventsPerSecond: run.eventsPerSecond,
                comparison: comparison)
        }
    }

    private func swap(_ run: RebuildRun) async throws -> Int64 {
        try await dropPrevious(run.work)
        try await run.work.useSchema(run.rebuild)
        return try await run.level { held in
            guard let new = try await Checkpoint.read(schema: run.rebuild, run.barrier) else {
                throw RebuildRun.gone(definition.name)
            }
            run.report(.swapping, new.position, new.position)
            try await Dependants.refuse(schema: run.live, run.barrier)
            if held != nil { try await Swap.copyCheckpoint(from: run.live, to: run.previous, run.barrier) }
            try await Swap.copyCheckpoint(from: run.rebuild, to: run.live, run.barrier)
            try await run.barrier.query("DELETE FROM projections.checkpoints WHERE schema_name = $1", [.text(run.rebuild)])
            try await Swap.promote(definition.name, hasLive: held != nil, run.barrier)
            return new.position
        }
    }

    /// Puts the tables of before the last swap back in place; the replaced ones become NAME__previous.
    ///
    /// The older tables end at an earlier position; a projector of their version brings them up to date. Until then whoever reads
    /// them acts on the past: keys made since are unknown, a top-up that was turned off since is on. Therefore no command does this.
    /// A rebuild by the earlier version brings its tables to the ledger's end before they take over.
    ///
    /// - Throws: ``ProjectionError/Code/notInstalled`` when there is no NAME__previous.
    public func revert() async throws {
        try await RebuildRun.with(definition, configuration, logger: logger, progress: { _ in }) { run in
            try await Dependants.refuse(schema: run.live, run.work)
            try await run.barrier.inTransaction {
                guard try await Checkpoint.lock(schema: run.live, run.barrier) != nil,
                    try await Checkpoint.lock(schema: run.previous, run.barrier) != nil
                else { throw ProjectionError(.notInstalled, "there are no earlier tables of \(definition.name)") }
                let aside = "\(definition.name)__aside"
                try await Swap.copyCheckpoint(from: run.live, to: aside, run.barrier)
                try await Swap.copyCheckpoint(from: run.previous, to: run.live, run.barrier)
                try await Swap.copyCheckpoint(from: aside, to: run.previous, run.barrier)
                try await run.barrier.query("DELETE FROM projections.checkpoints WHERE schema_name = $1", [.text(aside)])
                try await Swap.exchange(definition.name, run.barrier)
            }
        }
    }

    /// Drops NAME__previous.
    ///
    /// - Throws: ``ProjectionError/Code/dependants`` when something outside depends on it.
    public func dropPrevious() async throws {
        try await RebuildRun.with(definition, configuration, logger: logger, progress: { _ in }) { run in
            try await dropPrevious(run.work)
        }
    }

    private func dropPrevious(_ connection: PostgresConnection) async throws {
        let previous = ProjectionSchema.previous(definition.name)
        try await Dependants.refuse(schema: previous, connection)
        try await Installer(definition: definition, connection: connection).drop(schema: previous)
    }

    private static func difference(_ comparison: Comparison) -> ProjectionError {
        let tables = Set(comparison.live.tables.keys).union(comparison.replayed.tables.keys)
            .filter { comparison.live.tables[$0] != comparison.replayed.tables[$0] }
        return ProjectionError(
            .different,
            "the replay of \(comparison.name) up to \(comparison.position) differs from the live tables in"
                + " \(tables.sorted().joined(separator: ", ")); both are kept, the replayed ones as \(comparison.replayed.schema)"
        )
    }
}
