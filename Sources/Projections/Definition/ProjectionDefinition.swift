import Crypto
import FoundationEssentials
import Ledger

/// A projection as its folder describes it: which events it folds, into which tables, by which SQL.
public struct ProjectionDefinition: Sendable {
    /// What happens when an event can't be applied.
    public enum PoisonPolicy: String, Sendable, Hashable, Codable {
        /// The projection stops before the event until a person has dealt with it. For everything that counts money.
        case halt
        /// The event's organization is recorded in `projections.parked` and left out from then on; others go on.
        case parkOrganization = "park_organization"
        /// The event's stream is recorded in `projections.parked` and left out from then on; others go on.
        case parkStream = "park_stream"
    }

    /// In which order events have to be applied.
    public enum Order: String, Sendable, Hashable, Codable {
        /// As they stand in the ledger.
        case ledger
        /// As they stand in their stream; those of different streams in any order, also at the same time, because rows that they
        /// share only add up. A rebuild then uses two connections.
        case stream
        /// As they stand in the ledger, but those of different organizations in any order, also at the same time, because they
        /// share no rows. A rebuild then uses two connections.
        case organization

        /// What decides, of a row `e` of events, in which part of a rebuild it is applied; nil where there is one part.
        var partition: String? {
            switch self {
            case .ledger: nil
            case .stream: "get_byte(uuid_send(e.stream_id), 15)"
            case .organization: "coalesce(get_byte(uuid_send(e.organization), 15), 0)"
            }
        }
    }

    /// Name of the projection and of its Postgres schema: a lower-case letter, then at most 39 of letters, digits and `_`.
    public let name: String
    /// Raised by whoever changes what the tables hold; tables of another version are rebuilt, never continued.
    public let version: Int32
    /// The event types that are folded, each with the newest schema version that `apply` understands.
    public let events: [String: Int32]
    /// The kinds of stream of which every event must be understood, each with the types that change nothing here. An event of
    /// any other type there can't be applied: it may be money.
    public let streams: [String: Set<String>]
    public let onPoison: PoisonPolicy
    public let order: Order
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

    /// Whether events of requests are folded, which are nearly all there are.
    var foldsRequests: Bool { events.keys.contains { $0.hasPrefix("request.") } || streams["request"] != nil }

    /// SHA-256 of all that decides what the tables hold, in hexadecimal. Comments, white space, indexes and `verify.sql` don't.
    let source: String

    /// - Throws: ``ProjectionError/Code/invalidDefinition`` for a name or version or event list that can't be.
    public init(
        name: String, version: Int32, events: [String: Int32], streams: [String: Set<String>] = [:],
        onPoison: PoisonPolicy = .halt, order: Order = .ledger, tables: String, indexes: String, apply: String, verify: String
    ) throws(ProjectionError) {
        guard Self.isName(name) else {
            throw ProjectionError(.invalidDefinition, "'\(name)' can't name a projection: a-z, then at most 39 of a-z, 0-9 and _")
        }
        guard version > 0 else { throw ProjectionError(.invalidDefinition, "\(name): version must be above zero") }
        guard !events.isEmpty, events.allSatisfy({ Self.isEventType($0.key) && $0.value > 0 }) else {
            throw ProjectionError(
                .invalidDefinition, "\(name): events must name at least one event type, each with the schema version it knows")
        }
        guard streams.allSatisfy({ Self.isEventType($0.key) && $0.value.allSatisfy(Self.isEventType) }) else {
            throw ProjectionError(
                .invalidDefinition, "\(name): streams must name kinds of stream, each with event types that change nothing")
        }
        if let twice = streams.values.joined().filter({ events[$0] != nil }).min() {
            throw ProjectionError(.invalidDefinition, "\(name): \(twice) is in events, and in streams as changing nothing")
        }
        self.name = name
        self.version = version
        self.events = events
        self.streams = streams
        self.onPoison = onPoison
        self.order = order
        self.tables = tables
        self.indexes = indexes
        self.apply = apply
        self.verify = verify
        self.source = Self.digest(events: events, onPoison: onPoison, tables: tables, apply: apply)
    }

    /// Whether an event is folded, or known to change nothing.
    ///
    /// - Parameter kind: Of its stream.
    public func understands(_ type: String, schemaVersion: Int32, kind: String) -> Bool {
        events[type].map { schemaVersion <= $0 } ?? streams[kind]?.contains(type) ?? true
    }

    /// What in the folder's SQL a projection may not use, in order; empty when it may run.
    public func check() -> [RefusedSQL] { check(otherSchemas: []) }

    func check(otherSchemas: Set<String>) -> [RefusedSQL] {
        let relations = SQLRules.relations(madeBy: tables)
        return SQLRules.File.allCases.flatMap { file in
            SQLRules(file: file, otherSchemas: otherSchemas.subtracting([name]), ownRelations: relations).check(text(of: file))
        }
    }

    func text(of file: SQLRules.File) -> String {
        switch file {
        case .tables: tables
        case .indexes: indexes
        case .apply: apply
        case .verify: verify
        }
    }

    /// Reserved are the schemas of others, and names that would clash with a rebuild's.
    private static func isName(_ name: String) -> Bool {
        let rest = name.utf8.dropFirst()
        guard let first = name.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first), rest.count < 40 else {
            return false
        }
        guard !name.contains("__"), !name.hasPrefix("pg_"), !SQLWords.schemas.contains(name) else { return false }
        return rest.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "_")
        }
    }

    private static func isEventType(_ type: String) -> Bool {
        !type.isEmpty
            && type.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
            }
    }

    private static func digest(events: [String: Int32], onPoison: PoisonPolicy, tables: String, apply: String) -> String {
        var hasher = SHA256()
        // A length before each part, so that no two lists of parts look alike.
        func add(_ text: String) {
            hasher.update(data: Array("\(text.utf8.count):".utf8))
            hasher.update(data: Array(text.utf8))
        }
        for (type, version) in events.sorted(by: { $0.key < $1.key }) {
            add(type)
            add(String(version))
        }
        add(onPoison.rawValue)
        for text in [tables, apply] {
            for statement in SQLLexer.statements(of: text) where statement.first?.isWord("comment") == false {
                for token in statement { add("\(token.kind) \(token.text)") }
                add(";")
            }
        }
        return Hexadecimal.encode(hasher.finalize())
    }
}
