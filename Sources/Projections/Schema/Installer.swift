import Postgres

/// Makes and drops the schemas of a projection.
struct Installer {
    let definition: ProjectionDefinition
    let connection: PostgresConnection

    /// Makes the schema with its tables and its checkpoint at position 0, all or nothing.
    ///
    /// - Parameter indexed: Whether the indexes are made too; a rebuild makes them when the rows are there.
    /// - Throws: ``ProjectionError/Code/refusedSQL`` when the database knows what the checker could not.
    func install(schema: String, indexed: Bool) async throws {
        try await connection.inTransaction {
            try await connection.script("CREATE SCHEMA \(ProjectionSchema.quoted(schema))")
            try await connection.useSchema(schema)
            try await connection.script(definition.batchView().script)
            try await connection.script(definition.tables)
            if indexed { try await connection.script(definition.indexes) }
            try await refuseVolatileFunctions()
            try await refuseOtherSchemas(than: schema)
            try await connection.query(
                """
                INSERT INTO projections.checkpoints (schema_name, name, version, source, indexed) VALUES ($1, $2, $3, $4, $5)
                """,
                [
                    .text(schema), .text(definition.name), .int4(definition.version), .text(definition.source), .bool(indexed),
                ])
        }
    }

    /// Renews the view of tables that an earlier version of the program made and this one goes on with: which events are let
    /// through, and which may not be passed over, is in the view.
    func renewView(schema: String) async throws {
        guard try await Checkpoint.read(schema: schema, connection)?.isMade(by: definition) == true,
            try await !hasView(schema: schema)
        else { return }
        try await connection.inTransaction {
            try await connection.useSchema(schema)
            try await connection.script("SET LOCAL lock_timeout = '10s'; \(definition.batchView().script)")
        }
    }

    /// Whether the schema's view lets through what this definition's does.
    func hasView(schema: String) async throws -> Bool {
        let rows = try await connection.query(
            "SELECT obj_description(format('%I.batch', $1::text)::regclass, 'pg_class')", [.text(schema)])
        return try rows.first?.decode(0, as: String?.self) == definition.batchView().comment
    }

    /// Makes the indexes and gathers statistics.
    func index(schema: String) async throws {
        try await connection.inTransaction {
            try await connection.useSchema(schema)
            try await connection.script(definition.indexes, deadline: .seconds(3600))
            try await connection.query(
                "UPDATE projections.checkpoints SET indexed = true, updated_at = now() WHERE schema_name = $1", [.text(schema)])
        }
        try await connection.script(
            """
            DO $$
            DECLARE t record;
            BEGIN
                FOR t IN SELECT c.oid::regclass AS name FROM pg_class AS c
                    WHERE c.relnamespace = \(ProjectionSchema.literal(schema))::regnamespace AND c.relkind = 'r'
                LOOP
                    EXECUTE format('ANALYZE %s', t.name);
                END LOOP;
            END
            $$
            """, deadline: .seconds(600))
    }

    /// Drops the schema with all that is in it, and its rows in the control tables. Nothing happens when there is none.
    func drop(schema: String) async throws {
        try await connection.inTransaction {
            // A reader of the old tables may keep them for a while; then the caller hears of it.
            try await connection.script("SET LOCAL lock_timeout = '10s'")
            try await connection.script("DROP SCHEMA IF EXISTS \(ProjectionSchema.quoted(schema)) CASCADE")
            try await connection.query("DELETE FROM projections.parked WHERE schema_name = $1", [.text(schema)])
            try await connection.query("DELETE FROM projections.checkpoints WHERE schema_name = $1", [.text(schema)])
        }
    }

    /// What the checker's list of words does not know, the catalogue does: every function that may answer differently each time.
    private func refuseVolatileFunctions() async throws {
        let called = SQLRules.File.allCases.map { SQLRules.calls(in: definition.text(of: $0)) }.reduce(into: Set()) {
            $0.formUnion($1)
        }
        let rows = try await connection.query(
            "SELECT DISTINCT proname::text FROM pg_catalog.pg_proc WHERE proname = ANY ($1::text[]) AND provolatile = 'v' ORDER BY 1",
            [.textArray(called.sorted())])
        let names = try rows.map { try $0.decode(0, as: String.self) }
        guard names.isEmpty else {
            throw ProjectionError(
                .refusedSQL,
                "projection \(definition.name) calls \(names.joined(separator: ", ")): the answer may differ each time")
        }
    }

    /// What the statements would really read and write, by the planner's own account.
    private func refuseOtherSchemas(than schema: String) async throws {
        let allowed: Set<String> = [schema, "ledger", "projections", "pg_catalog"]
        for file in [SQLRules.File.apply, .verify] {
            for statement in SQLLexer.ranges(of: definition.text(of: file)) {
                let plan = try await plan(of: statement, in: file)
                guard let other = Self.schemas(in: plan).first(where: { !allowed.contains($0) }) else { continue }
                throw ProjectionError(
                    .refusedSQL, "projection \(definition.name): \(file.rawValue) reaches into the schema \(other)")
            }
        }
    }

    /// What fails in planning is the statement's own, such as `1 / 0`: the message quotes no event, and must not be kept back as those
    /// of data are.
    private func plan(of statement: String, in file: SQLRules.File) async throws -> String {
        do {
            return try await connection.explain(statement)
        } catch let error as PostgresError where error.code == .server && error.sqlState?.hasPrefix("22") == true {
            throw ProjectionError(
                .refusedSQL, "projection \(definition.name): \(file.rawValue) can't be planned: \(BatchFailure.reason(error))")
        }
    }

    /// The values of `"Schema"` in a plan.
    private static func schemas(in plan: String) -> [String] {
        plan.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
            return parts.count == 5 && parts[1] == "Schema" ? String(parts[3]) : nil
        }
    }
}
