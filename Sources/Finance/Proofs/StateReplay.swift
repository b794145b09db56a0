public import Logging
public import Postgres
public import Projections

/// The state of read models after an event of the past, made anew from the events alone.
///
/// The tables stay in `NAME__replay`, to be looked at, until the next replay.
public struct StateReplay: Sendable {
    /// The read models that hold money.
    public static let ofMoney = ["balances", "journal", "transactions", "payments"]

    /// What the replay led to: of the same events it is the same on every machine.
    public struct State: Sendable, Encodable {
        /// The last event that was applied.
        public let position: Int64
        public let digests: [Comparison.Digest]

        /// A line for each table, the names of the columns first: projection's schema, table, digest; the schema's own digest
        /// stands beside an empty table name.
        public var table: [[String]] {
            [["position", "schema", "table", "digest"]]
                + digests.flatMap { digest in
                    [[String(position), digest.schema, "", digest.total]]
                        + digest.tables.sorted { $0.key < $1.key }.map { [String(position), digest.schema, $0.key, $0.value] }
                }
        }
    }

    private let definitions: [ProjectionDefinition]
    private let configuration: PostgresConfiguration
    private let logger: Logger

    /// - Parameter configuration: A role that is, or may become, `llmgateway_projector`.
    public init(definitions: [ProjectionDefinition], configuration: PostgresConfiguration, logger: Logger) {
        self.definitions = definitions
        self.configuration = configuration
        self.logger = logger
    }

    /// Replays one after the other.
    ///
    /// - Parameters:
    ///   - position: The last event that is applied.
    ///   - progress: Hears the name of the projection too.
    /// - Throws: ``ProjectionError``: `busy` while another replay of one runs, `poison` at an event that can't be applied.
    public func run(
        to position: Int64, progress: @escaping @Sendable (String, RebuildProgress) -> Void = { _, _ in }
    ) async throws -> State {
        var digests: [Comparison.Digest] = []
        for definition in definitions {
            let replay = ScratchReplay(definition: definition, configuration: configuration, logger: logger)
            digests.append(try await replay.run(to: position) { progress(definition.name, $0) })
        }
        return State(position: position, digests: digests)
    }
}
