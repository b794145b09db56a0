internal import FoundationEssentials

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

    /// - Throws: ``ProjectionError/Code/invalidDefinition`` for a name or a version that can't be.
    public init(
        name: String, version: Int32, events: [String: Int32], onPoison: PoisonPolicy = .halt, tables: String, indexes: String,
        apply: String, verify: String
    ) throws(ProjectionError) {
        let isName = name.utf8.first.map { (0x61...0x7A).contains($0) } ?? false
        guard isName, name.utf8.count <= 40,
            name.utf8.allSatisfy({ $0 == 0x5F || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }),
            !name.contains("__"), !["ledger", "projections", "public"].contains(name)
        else { throw ProjectionError(.invalidDefinition, "\(name) is not a name: lower-case letters, digits and _, at most 40") }
        guard version >= 1, !events.isEmpty else {
            throw ProjectionError(.invalidDefinition, "\(name) needs a version of at least 1 and an event type")
        }
        // The types stand in the SQL of the view, so they are held to the alphabet of event types.
        for (type, newest) in events {
            let isType = type.utf8.allSatisfy {
                $0 == 0x5F || $0 == 0x2E || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0)
            }
            guard isType, newest >= 1 else {
                throw ProjectionError(.invalidDefinition, "\(name): \(type) is not an event type with a version")
            }
        }
        self.name = name
        self.version = version
        self.events = events
        self.onPoison = onPoison
        self.tables = tables
        self.indexes = indexes
        self.apply = apply
        self.verify = verify
    }

    private struct File: Decodable {
        let name: String
        let version: Int32
        let onPoison: String?
        let events: [String: Int32]

        enum CodingKeys: String, CodingKey {
            case name, version, events
            case onPoison = "on_poison"
        }
    }

    /// Reads a projection's folder.
    ///
    /// - Throws: ``ProjectionError/Code/invalidDefinition`` naming the file and what is wrong with it, and
    ///   ``ProjectionError/Code/refusedSQL`` naming the first place that is refused.
    public static func load(folder: String) throws(ProjectionError) -> ProjectionDefinition {
        func text(_ name: String) throws(ProjectionError) -> String {
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)"),
                let text = String(data: data, encoding: .utf8)
            else { throw ProjectionError(.invalidDefinition, "\(folder)/\(name) can't be read") }
            return text
        }
        let file: File
        do { file = try JSONDecoder().decode(File.self, from: Data(try text("projection.json").utf8)) } catch {
            throw ProjectionError(.invalidDefinition, "\(folder)/projection.json is not understood: \(error)")
        }
        guard let policy = PoisonPolicy(rawValue: file.onPoison ?? "halt") else {
            throw ProjectionError(
                .invalidDefinition, "\(folder)/projection.json: on_poison is halt, park_organization or park_stream")
        }
        guard folder.hasSuffix("/" + file.name) else {
            throw ProjectionError(.invalidDefinition, "\(folder)/projection.json: the name must be the folder's")
        }
        let definition = try ProjectionDefinition(
            name: file.name, version: file.version, events: file.events, onPoison: policy, tables: try text("tables.sql"),
            indexes: try text("indexes.sql"), apply: try text("apply.sql"), verify: try text("verify.sql"))
        if let refused = definition.check().first { throw ProjectionError(.refusedSQL, "\(file.name): \(refused)") }
        return definition
    }

    /// What in the folder's SQL a projection may not use, in order; empty when it may run.
    public func check() -> [RefusedSQL] {
        SQLCheck.refused(tables, file: "tables.sql") + SQLCheck.refused(indexes, file: "indexes.sql")
            + SQLCheck.refused(apply, file: "apply.sql") + SQLCheck.refused(verify, file: "verify.sql")
    }
}
