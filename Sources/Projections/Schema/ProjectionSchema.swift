import Crypto

/// The Postgres schemas of a projection, by what they are for.
enum ProjectionSchema {
    static func live(_ name: String) -> String { name }
    static func rebuild(_ name: String) -> String { "\(name)__rebuild" }
    static func previous(_ name: String) -> String { "\(name)__previous" }
    /// Of a rebuild by two connections.
    static func parts(_ name: String) -> [String] { ["\(rebuild(name))_1", "\(rebuild(name))_2"] }

    /// A quoted identifier.
    static func quoted(_ name: String) -> String {
        "\"\(name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
    }

    /// A quoted string.
    static func literal(_ text: String) -> String {
        "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
    }
}

extension ProjectionDefinition {
    /// The view that `apply.sql` and `verify.sql` read: the events that the projection folds, between two settings of the
    /// transaction. Without the settings it is empty.
    ///
    /// OFFSET 0 is a fence: with old statistics the planner looks in the whole ledger for what is asked of the view, types and
    /// streams, by another index than that of the positions.
    ///
    /// What is parked is left out by name of the schema in which the SQL runs, because a rebuild is renamed when it is done.
    ///
    /// - Parameter part: A condition over an event `e`, of those that a part of a rebuild applies.
    func batchView(where part: String? = nil) -> BatchView {
        let parked =
            switch onPoison {
            case .halt: ""
            case .parkOrganization: Self.notParked("organization")
            case .parkStream: Self.notParked("stream_id", "stream_kind")
            }
        let text = """
            CREATE OR REPLACE VIEW batch AS
            SELECT
                e.position, e.id, e.stream_kind, e.stream_id, e.stream_version, e.type, e.schema_version, e.organization, e.data,
                e.metadata, e.occurred_at, e.recorded_at
            FROM ledger.events AS e
            WHERE e.position > nullif(current_setting('projection.after', true), '')::bigint
                AND e.position <= nullif(current_setting('projection.upto', true), '')::bigint
                AND \(concerned)\(ofChanges)\(part.map { " AND \($0)" } ?? "")\(parked)
                AND (\(isUnderstood) OR projections.refuse_schema_version(e.position, e.type, e.schema_version))
            OFFSET 0
            """
        return BatchView(text: text)
    }

    /// The events that are folded, and those that nobody said may be passed over.
    private var concerned: String {
        guard !streams.isEmpty else { return "e.type IN (\(Self.list(types)))" }
        let others = streams.sorted { $0.key < $1.key }.map { kind, passedOver in
            let known = passedOver.isEmpty ? "" : " AND e.type NOT IN (\(Self.list(passedOver.sorted())))"
            return "e.stream_kind = \(ProjectionSchema.literal(kind))\(known)"
        }
        return "(e.type IN (\(Self.list(types))) OR \(others.joined(separator: " OR ")))"
    }

    private static func list(_ types: [String]) -> String { types.map(ProjectionSchema.literal).joined(separator: ", ") }

    /// A projection that folds nothing of requests reads the index of the other events, a handful among thousands.
    private var ofChanges: String {
        foldsRequests ? "" : " AND e.stream_kind <> 'request'"
    }

    /// NOT IN, for which the few parked ones are hashed once; as a join they would be sorted with every event of the batch.
    private static func notParked(_ columns: String...) -> String {
        let event = columns.map { "e.\($0)" }.joined(separator: ", ")
        let parked = columns.map { "p.\($0)" }.joined(separator: ", ")
        return """

                AND (e.\(columns[0]) IS NULL OR (\(event)) NOT IN (
                    SELECT \(parked) FROM projections.parked AS p
                    WHERE p.schema_name = current_schema() AND p.\(columns[0]) IS NOT NULL))
            """
    }

    /// Whether the type and its schema version are known, as an expression over an event.
    private var isUnderstood: String {
        let cases = Dictionary(grouping: events.keys.sorted(), by: { events[$0] ?? 0 }).sorted { $0.key < $1.key }.map {
            "e.type IN (\(Self.list($0.value))) AND e.schema_version <= \($0.key)"
        }
        return cases.joined(separator: " OR ")
    }
}

/// The view `batch` of one schema.
struct BatchView: Sendable {
    let text: String

    /// Makes the view, or renews it where it is.
    var script: String { "\(text);\nCOMMENT ON VIEW batch IS \(ProjectionSchema.literal(comment))" }

    /// What tells this view from one that was made for other types.
    var comment: String { "The events that are being applied; empty outside the projector. \(mark)" }

    private var mark: String { SHA256.hash(data: Array(text.utf8)).prefix(8).hexadecimal }
}
