import Postgres

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
    func batchView(where part: String? = nil) -> String {
        let list = types.map(ProjectionSchema.literal).joined(separator: ", ")
        let parked =
            switch onPoison {
            case .halt: ""
            case .parkOrganization: Self.notParked("organization")
            case .parkStream: Self.notParked("stream_id", "stream_kind")
            }
        return """
            CREATE VIEW batch AS
            SELECT
                e.position, e.id, e.stream_kind, e.stream_id, e.stream_version, e.type, e.schema_version, e.organization, e.data,
                e.metadata, e.occurred_at, e.recorded_at
            FROM ledger.events AS e
            WHERE e.position > nullif(current_setting('projection.after', true), '')::bigint
                AND e.position <= nullif(current_setting('projection.upto', true), '')::bigint
                AND e.type IN (\(list))\(ofChanges)\(part.map { " AND \($0)" } ?? "")\(parked)
                AND (e.schema_version <= \(supported)
                    OR projections.refuse_schema_version(e.position, e.type, e.schema_version))
            OFFSET 0;
            COMMENT ON VIEW batch IS 'The events that are being applied; empty outside the projector.';
            """
    }

    /// A projection that folds nothing of requests reads the index of the other events, a handful among thousands.
    private var ofChanges: String {
        events.keys.contains { $0.hasPrefix("request.") } ? "" : " AND e.stream_kind <> 'request'"
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

    /// The newest schema version that is understood, as an expression over an event.
    private var supported: String {
        let versions = Set(events.values)
        if versions.count == 1, let only = versions.first { return String(only) }
        let cases = events.sorted { $0.key < $1.key }.map { "WHEN \(ProjectionSchema.literal($0.key)) THEN \($0.value)" }
        return "CASE e.type \(cases.joined(separator: " ")) END"
    }
}
