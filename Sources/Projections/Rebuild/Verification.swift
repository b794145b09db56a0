import Postgres

/// Runs `verify.sql` over a schema and the whole history up to its checkpoint.
struct Verification {
    let definition: ProjectionDefinition
    let connection: PostgresConnection

    /// What it returns, each row as `column=value` text; none when the tables are sound.
    func problems(schema: String) async throws -> [String] {
        try await connection.useSchema(schema)
        return try await connection.inTransaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") {
            try await connection.query(
                """
                SELECT set_config('projection.after', '0', true), set_config('projection.upto', c.position::text, true)
                FROM projections.checkpoints AS c WHERE c.schema_name = $1
                """, [.text(schema)])
            // Every row is another one, so remembering what was computed of the last is work alone; and unlike a fold, the queries
            // may use both processors.
            try await connection.script("SET LOCAL enable_memoize = off; SET LOCAL max_parallel_workers_per_gather = 2")
            var problems: [String] = []
            for statement in SQLLexer.ranges(of: definition.verify) {
                // Whatever the columns are, as one text; enough of them to see what is wrong.
                let rows = try await connection.query(
                    "SELECT to_jsonb(r)::text FROM (\n\(statement)\n) AS r LIMIT 100", deadline: .seconds(3600))
                problems += try rows.map { try $0.decode(0) }
            }
            return problems
        }
    }
}
