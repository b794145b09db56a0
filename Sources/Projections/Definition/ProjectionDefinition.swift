/// A projection as its folder describes it: which events it folds, into which tables, by which SQL.
public struct ProjectionDefinition: Sendable {
    /// What happens when an event can't be applied.
    public enum PoisonPolicy: String, Sendable, Hashable {
        /// The projection stops before the event until a person has dealt with it. For everything that counts money.
        case halt
        /// The event's organization is recorded in `projections.parked` and left out from then on; others go on.
        case parkOrganization = "park_organization"
        /// The event's stream is recorded in `projections.parked` and left out from then on; others go on.
        case parkStream = "park_stream"
    }

    /// Name of the projection and of its Postgres schema: lower case letters, digits and underscores, at most 40.
    public let name: String
    /// Raised by whoever changes what the tables hold; tables of another version are rebuilt, never continued.
    public let version: Int32
    /// The event types that are folded, each with the newest schema version that `apply` understands.
    public let events: [String: Int32]
    public let onPoison: PoisonPolicy
    /// Text of `tables.sql`.
    public let tables: String
    /// Text of `indexes.sql`.
    public let indexes: String
    /// Text of `apply.sql`.
    public let apply: String
    /// Text of `verify.sql`.
    public let verify: String

    /// The event types that are folded, in order.
    public var types: [String] { events.keys.sorted() }

    public init(
        name: String, version: Int32, events: [String: Int32], onPoison: PoisonPolicy = .halt, tables: String, indexes: String,
        apply: String, verify: String
    ) throws(ProjectionError) {
        preconditionFailure("not built yet")
    }

    /// Reads a projection's folder.
    ///
    /// - Throws: ``ProjectionError/Code/invalidDefinition`` naming the file and what is wrong with it.
    public static func load(folder: String) throws(ProjectionError) -> ProjectionDefinition { preconditionFailure("not built yet") }

    /// What in the folder's SQL a projection may not use, in order; empty when it may run.
    public func check() -> [RefusedSQL] { preconditionFailure("not built yet") }
}
