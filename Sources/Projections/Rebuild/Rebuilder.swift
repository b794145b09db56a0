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
        /// The proof by digests; nil where the live tables are of another version, missing or stopped, and `verify.sql` decided.
        public var comparison: Comparison?
    }

    /// - Parameter configuration: A role that is, or may become, `llmgateway_projector`.
    public init(definition: ProjectionDefinition, configuration: PostgresConfiguration, logger: Logger) {
        preconditionFailure("not built yet")
    }

    /// Rebuilds, proves and swaps. An interrupted rebuild goes on where it ended.
    ///
    /// The old tables stay as NAME__previous.
    ///
    /// - Throws: ``ProjectionError`` `.busy`, `.dependants`, `.different`, `.unsound`, `.poison`; the live tables are then untouched.
    public func rebuild(progress: @Sendable (RebuildProgress) -> Void = { _ in }) async throws -> Report {
        preconditionFailure("not built yet")
    }

    /// Puts the tables of before the last swap back in place; the replaced ones become NAME__previous.
    public func revert() async throws { preconditionFailure("not built yet") }

    /// Drops NAME__previous.
    public func dropPrevious() async throws { preconditionFailure("not built yet") }
}
