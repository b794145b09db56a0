internal import Postgres

/// The SQL around a projection's own: its schema, its view of a batch, and the transaction of one.
struct ProjectionSchema: Sendable {
    let definition: ProjectionDefinition
    /// The Postgres schema: the projection's name, or `NAME__rebuild`.
    let schema: String

    init(_ definition: ProjectionDefinition, schema: String? = nil) {
        self.definition = definition
        self.schema = schema ?? definition.name
    }

    /// Makes the schema, its tables and the view, and its checkpoint at position 0, in one transaction.
    func install(withIndexes: Bool) -> String {
        """
        BEGIN;
        DROP SCHEMA IF EXISTS "\(schema)" CASCADE;
        CREATE SCHEMA "\(schema)";
        SET LOCAL search_path = "\(schema)";
        \(definition.tables)
        ;
        \(withIndexes ? definition.indexes : "")
        ;
        \(view)
        INSERT INTO projections.checkpoints (schema_name, name, version, position, hash)
        VALUES ('\(schema)', '\(definition.name)', \(definition.version), 0, '')
        ON CONFLICT (schema_name) DO UPDATE SET
            version = excluded.version, position = 0, hash = '', halted_at = NULL, error = NULL, updated_at = now();
        COMMIT;
        """
    }

    /// The events of the batch that the transaction's settings name; types and versions are literals of a checked alphabet.
    private var view: String {
        let byVersion = Dictionary(grouping: definition.types) { definition.events[$0] ?? 1 }
        let known = byVersion.sorted { $0.key < $1.key }.map { version, types in
            let list = types.map { "'\($0)'" }.joined(separator: ", ")
            return "(e.type IN (\(list)) AND (e.schema_version <= \(version)"
                + " OR projections.refuse_version(e.position, e.type, e.schema_version)))"
        }.joined(separator: "\n    OR ")
        let parked =
            switch definition.onPoison {
            case .halt: ""
            case .parkOrganization:
                "AND NOT EXISTS (SELECT FROM projections.parked AS p WHERE p.name = '\(definition.name)'"
                    + " AND (p.position = e.position OR p.organization = e.organization))"
            case .parkStream:
                "AND NOT EXISTS (SELECT FROM projections.parked AS p WHERE p.name = '\(definition.name)'"
                    + " AND p.stream_kind = e.stream_kind AND p.stream_id = e.stream_id)"
            }
        return """
            CREATE VIEW batch AS
            SELECT e.position, e.id, e.stream_kind, e.stream_id, e.stream_version, e.type, e.schema_version, e.organization, e.data,
                e.metadata, e.occurred_at, e.recorded_at, e.hash
            FROM ledger.events AS e
            WHERE e.position > current_setting('projection.after')::bigint
                AND e.position <= current_setting('projection.upto')::bigint
                AND (\(known))
                \(parked);
            COMMENT ON VIEW batch IS 'The events of the batch that is applied, of the projection''s types, in no order.';
            """
    }

    /// Begins a batch's transaction and applies it; its end is `finish(upto:)`.
    func apply(after: Int64, upto: Int64) -> String {
        """
        BEGIN;
        SELECT projections.begin_batch('\(schema)', \(after));
        SET LOCAL projection.after = '\(after)';
        SET LOCAL projection.upto = '\(upto)';
        SET LOCAL search_path = "\(schema)";
        \(definition.apply)
        ;
        """
    }

    /// Moves the checkpoint and commits.
    func finish(upto: Int64) -> String {
        """
        SELECT projections.end_batch('\(schema)', \(upto));
        COMMIT;
        """
    }
}

/// Where a schema's tables are.
struct Checkpoint: Sendable {
    let version: Int32
    let position: Int64
    let haltedAt: Int64?

    /// The checkpoint of `schema`, nil when the projection was never installed.
    static func read(_ schema: String, on connection: PostgresConnection, lock: Bool = false) async throws -> Checkpoint? {
        let rows = try await connection.query(
            "SELECT version, position, halted_at FROM projections.checkpoints WHERE schema_name = $1"
                + (lock ? " FOR UPDATE" : ""),
            [.text(schema)])
        guard let row = rows.first else { return nil }
        return Checkpoint(version: try row.decode(0), position: try row.decode(1), haltedAt: try row.decode(2))
    }
}
