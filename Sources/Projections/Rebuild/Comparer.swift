public import Logging
public import Postgres

/// Proves that a projection's live tables are what a replay from the first event gives.
public struct Comparer: Sendable {
    private let definition: ProjectionDefinition
    private let configuration: PostgresConfiguration
    private let logger: Logger

    /// - Parameter configuration: A role that is, or may become, `llmgateway_projector`.
    public init(definition: ProjectionDefinition, configuration: PostgresConfiguration, logger: Logger) {
        self.definition = definition
        self.configuration = configuration
        self.logger = logger
    }

    /// Replays beside the live tables, computes the digests of both at the same position, and drops the replayed ones.
    ///
    /// - Throws: ``ProjectionError/Code/outdated`` when the live tables are missing, halted or of another version; others as
    ///   ``Rebuilder/rebuild(progress:)``. A difference is an answer, not an error.
    public func compare(progress: @escaping @Sendable (RebuildProgress) -> Void = { _ in }) async throws -> Comparison {
        try await RebuildRun.with(definition, configuration, logger: logger, progress: progress) { run in
            let unfit = ProjectionError(
                .outdated,
                "the live tables of \(definition.name) are missing, halted or of another version: nothing to compare with")
            guard try await run.comparable() != nil else { throw unfit }
            try await run.build()
            guard let comparison = try await run.compare() else { throw unfit }
            try await Installer(definition: definition, connection: run.work).drop(schema: run.rebuild)
            return comparison
        }
    }

    /// The rows that `verify.sql` returns for the live tables, each as JSON text; none when they are sound.
    public func verify() async throws -> [String] {
        let connection = try await Session.open(
            configuration, purpose: "verify \(definition.name)",
            overrides: ["idle_session_timeout": "0", "work_mem": "256MB"], logger: logger)
        return try await connection.use {
            try await Verification(definition: definition, connection: $0)
                .problems(schema: ProjectionSchema.live(definition.name))
        }
    }
}
