import Crypto
import Ledger
import Postgres
import Synchronization

/// Digests of a schema's rows, from the snapshot of the connection's transaction.
struct Digests {
    let connection: PostgresConnection

    /// The digest of every table of the schema.
    func digest(schema: String) async throws -> Comparison.Digest {
        var tables: [String: String] = [:]
        var whole = SHA256()
        for table in try await self.tables(of: schema) {
            let digest = try await digest(of: table, in: schema)
            tables[table.name] = digest
            whole.update(data: Array("\(table.name) \(table.columns.joined(separator: ",")) \(digest)\n".utf8))
        }
        return Comparison.Digest(schema: schema, tables: tables, total: Hexadecimal.encode(whole.finalize()))
    }

    private struct Table {
        var name: String
        var columns: [String]
        /// ORDER BY: the primary key, or all columns where there is none.
        var order: [String]
    }

    private func tables(of schema: String) async throws -> [Table] {
        let rows = try await connection.query(
            """
            SELECT
                c.relname::text,
                array_agg(quote_ident(a.attname) ORDER BY a.attnum),
                array_agg(quote_ident(a.attname) || CASE WHEN a.attcollation <> 0 THEN ' COLLATE "C"' ELSE '' END
                    ORDER BY array_position(i.indkey::smallint[], a.attnum), a.attnum)
                    FILTER (WHERE i.indrelid IS NULL OR a.attnum = ANY (i.indkey::smallint[]))
            FROM pg_catalog.pg_class AS c
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
            WHERE n.nspname = $1 AND c.relkind = 'r'
            GROUP BY c.relname
            ORDER BY c.relname COLLATE "C"
            """, [.text(schema)])
        return try rows.map { try Table(name: $0.decode(0), columns: $0.decode(1), order: $0.decode(2)) }
    }

    /// SHA-256 of the rows as COPY writes them in text: what `psql -c "COPY (...) TO STDOUT" | sha256sum` gives.
    private func digest(of table: Table, in schema: String) async throws -> String {
        let hasher = Mutex(SHA256())
        let from = "\(ProjectionSchema.quoted(schema)).\(ProjectionSchema.quoted(table.name))"
        let rows =
            "SELECT \(table.columns.joined(separator: ", ")) FROM \(from) ORDER BY \(table.order.joined(separator: ", "))"
        try await connection.copyOut("COPY (\(rows)) TO STDOUT", deadline: .seconds(3600)) { bytes in
            hasher.withLock { $0.update(data: bytes) }
        }
        return Hexadecimal.encode(hasher.withLock { $0.finalize() })
    }
}
