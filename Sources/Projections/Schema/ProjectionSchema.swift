import Crypto
import Ledger

/// The Postgres schemas of a projection, by what they are for.
enum ProjectionSchema {
    static func live(_ name: String) -> String { name }
    static func rebuild(_ name: String) -> String { "\(name)__rebuild" }
    static func previous(_ name: String) -> String { "\(name)__previous" }
    static func replay(_ name: String) -> String { "\(name)__replay" }
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
    /// The views that `apply.sql` and `verify.sql` read: `batch`, the events that the projection folds, between two settings of
    /// the transaction, and `changes`, those of them that are not a request's. Without the settings they are empty.
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
        // What is understood is concerned: the usual event is looked at once.
        let text = """
            AS SELECT
                e.position, e.id, e.stream_kind, e.stream_id, e.stream_version, e.type, e.schema_version, e.organization, e.data,
                e.metadata, e.occurred_at, e.recorded_at
            FROM ledger.events AS e
            WHERE e.position > nullif(current_setting('projection.after', true), '')::bigint
                AND e.position <= nullif(current_setting('projection.upto', true), '')::bigint
                AND (\(isUnderstood)
                    OR \(concerned) AND projections.refuse_schema_version(e.position, e.type, e.schema_version))\
            \(part.map { " AND \($0)" } ?? "")\(parked)
            """
        return BatchView(text: text, foldsRequests: foldsRequests)
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

/// The views `batch` and `changes` of one schema.
struct BatchView: Sendable {
    /// What both select.
    let text: String
    let foldsRequests: Bool

    /// Makes the views, or renews them where they are.
    var script: String {
        """
        CREATE OR REPLACE VIEW batch \(foldsRequests ? all : changes);
        CREATE OR REPLACE VIEW changes \(changes);
        COMMENT ON VIEW batch IS \(ProjectionSchema.literal(comment));
        COMMENT ON VIEW changes IS 'The events of batch that are not a request''s.'
        """
    }

    /// What tells these views from those that were made for other types.
    var comment: String { "The events that are being applied; empty outside the projector. \(mark)" }

    private var all: String { "\(text)\nOFFSET 0" }

    /// By the index of the events that are not a request's, a handful among thousands.
    private var changes: String { "\(text)\n    AND e.stream_kind <> 'request'\nOFFSET 0" }

    private var mark: String { Hexadecimal.encode(SHA256.hash(data: Array((all + changes).utf8)).prefix(8)) }
}
