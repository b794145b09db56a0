public import Logging
public import Postgres

/// Replays a projection from the first event to a position of the past, into a schema of its own that nobody else looks at.
public struct ScratchReplay: Sendable {
    private let definition: ProjectionDefinition
    private let configuration: PostgresConfiguration
    private let logger: Logger

    /// - Parameter configuration: A role that is, or may become, `llmgateway_projector`.
    public init(definition: ProjectionDefinition, configuration: PostgresConfiguration, logger: Logger) {
        self.definition = definition
        self.configuration = configuration
        self.logger = logger
    }

    /// The name of the schema: `balances__replay`.
    public var schema: String { ProjectionSchema.replay(definition.name) }

    /// Replays. What an earlier replay left is dropped first; what this one makes stays, to be looked at.
    ///
    /// - Parameter position: The last event that is applied.
    /// - Returns: The digest of the tables: of the same events it is the same, wherever they are replayed.
    /// - Throws: ``ProjectionError``: `busy` while another replay of the projection runs, `poison` at an event that can't be
    ///   applied.
    public func run(
        to position: Int64, progress: @escaping @Sendable (RebuildProgress) -> Void = { _ in }
    ) async throws -> Comparison.Digest {
        let connection = try await Session.open(
            configuration, purpose: "replay \(definition.name)", overrides: ["idle_session_timeout": "0", "work_mem": "256MB"],
            logger: logger)
        return try await connection.use { connection in
            guard try await ProjectionLock.take(ProjectionLock.replay, definition.name, connection) else {
                throw ProjectionError(.busy, "another process is replaying \(definition.name)")
            }
            let digest = try await replay(to: position, over: connection, progress)
            try? await ProjectionLock.release(ProjectionLock.replay, definition.name, connection)
            return digest
        }
    }

    private func replay(
        to position: Int64, over connection: PostgresConnection, _ progress: @Sendable (RebuildProgress) -> Void
    ) async throws -> Comparison.Digest {
        let installer = Installer(definition: definition, connection: connection)
        try await installer.drop(schema: schema)
        try await installer.install(schema: schema, indexed: false)
        try await connection.useSchema(schema)
        var replay = Replay(BatchRunner(definition: definition, schema: schema, connection: connection, mirror: nil))
        let began = ContinuousClock.now
        while true {
            let applied = try await replay.next(ceiling: position)
            let target = min(position, applied.head)
            let rate = Double(applied.upto) / max((ContinuousClock.now - began).seconds, 1e-6)
            progress(RebuildProgress(.applying, applied.upto, target, eventsPerSecond: rate))
            if applied.upto >= target { break }
        }
        try await installer.index(schema: schema)
        return try await Digests(connection: connection).digest(schema: schema)
    }
}
