public import Logging
public import Postgres

/// Proves that a projection's live tables are what a replay from the first event gives.
public struct Comparer: Sendable {
    /// - Parameter configuration: A role that is, or may become, `llmgateway_projector`.
    public init(definition: ProjectionDefinition, configuration: PostgresConfiguration, logger: Logger) {
        preconditionFailure("not built yet")
    }

    /// Replays beside the live tables, computes the digests of both at the same position, and drops the replayed ones.
    ///
    /// - Throws: ``ProjectionError``; a difference is an answer, not an error.
    public func compare(progress: @Sendable (RebuildProgress) -> Void = { _ in }) async throws -> Comparison {
        preconditionFailure("not built yet")
    }

    /// The rows that `verify.sql` returns for the live tables, each as `column=value` text; none when they are sound.
    public func verify() async throws -> [String] { preconditionFailure("not built yet") }
}
