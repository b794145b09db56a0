import Postgres

/// The Postgres schemas of a projection, by what they are for.
enum ProjectionSchema {
    static func live(_ name: String) -> String { name }
    static func rebuild(_ name: String) -> String { "\(name)__rebuild" }
    static func previous(_ name: String) -> String { "\(name)__previous" }

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
    /// What is parked is left out by name of the schema in which the SQL runs, because a rebuild is renamed when it is done.
    var batchView: String {
        let list = types.map(ProjectionSchema.literal).joined(separator: ", ")
        let parked =
            switch onPoison {
            case .halt: ""
            case .parkOrganization: Self.notParked("p.organization = e.organization")
            case .parkStream: Self.notParked("p.stream_id = e.stream_id AND p.stream_kind = e.stream_kind")
            }
        return """
            CREATE VIEW batch AS
            SELECT
                e.position, e.id, e.stream_kind, e.stream_id, e.stream_version, e.type, e.schema_version, e.organization, e.data,
                e.metadata, e.occurred_at, e.recorded_at
            FROM (
                SELECT * FROM ledger.events AS r
                WHERE r.position > nullif(current_setting('projection.after', true), '')::bigint
                    AND r.position <= nullif(current_setting('projection.upto', true), '')::bigint
                OFFSET 0  -- a fence: with old statistics the planner looks for types and streams in the whole ledger
            ) AS e
            WHERE e.type IN (\(list))\(parked)
                AND (e.schema_version <= \(supported)
                    OR projections.refuse_schema_version(e.position, e.type, e.schema_version));
            COMMENT ON VIEW batch IS 'The events that are being applied; empty outside the projector.';
            """
    }

    private static func notParked(_ same: String) -> String {
        """

            AND NOT EXISTS (
                SELECT FROM projections.parked AS p WHERE p.schema_name = current_schema() AND \(same)
            )
        """
    }

    /// The newest schema version that is understood, as an expression over an event.
    private var supported: String {
        let versions = Set(events.values)
        if versions.count == 1, let only = versions.first { return String(only) }
        let cases = events.sorted { $0.key < $1.key }.map { "WHEN \(ProjectionSchema.literal($0.key)) THEN \($0.value)" }
        return "CASE e.type \(cases.joined(separator: " ")) END"
    }
}
