import Ledger
import Postgres

/// A row of `projections.checkpoints`, with what the ledger has to say about it.
struct Checkpoint: Sendable, Hashable {
    var schema: String
    var name: String
    var version: Int32
    var source: String
    var position: Int64
    var indexed: Bool
    var halted: Bool
    var haltedPosition: Int64?
    var error: String?
    /// Whether the ledger has, at the row's position, the event that the tables were made from.
    var isOfThisLedger: Bool
    /// The ledger's newest position.
    var head: Int64

    /// Whether the tables were made by this definition.
    func isMade(by definition: ProjectionDefinition) -> Bool {
        version == definition.version && source == definition.source
    }

    /// Columns of ``init(_:)``, over a row `c`.
    static let columns = """
        c.schema_name, c.name, c.version, c.source, c.position, c.indexed, c.halted, c.halted_position, c.error,
        c.position = 0 OR EXISTS (SELECT FROM ledger.events AS e WHERE e.position = c.position AND e.hash = c.hash),
        (SELECT coalesce(max(h.position), 0) FROM ledger.events AS h)
        """

    init(_ row: PostgresRow) throws(PostgresError) {
        schema = try row.decode(0)
        name = try row.decode(1)
        version = try row.decode(2)
        source = try row.decode(3)
        position = try row.decode(4)
        indexed = try row.decode(5)
        halted = try row.decode(6)
        haltedPosition = try row.decode(7)
        error = try row.decode(8)
        isOfThisLedger = try row.decode(9)
        head = try row.decode(10)
    }

    /// The checkpoint of a schema, or nil when there is none.
    static func read(schema: String, _ connection: PostgresConnection) async throws(PostgresError) -> Checkpoint? {
        let rows = try await connection.query(
            "SELECT \(columns) FROM projections.checkpoints AS c WHERE c.schema_name = $1", [.text(schema)])
        guard let row = rows.first else { return nil }
        return try Checkpoint(row)
    }

    /// Holds a checkpoint still until the transaction ends. What it says has to be read by a later statement: one that waits for
    /// the lock sees the new row, but the ledger as it was before it waited.
    static func hold(schema: String) -> PostgresStatement {
        PostgresStatement(
            "SELECT FROM projections.checkpoints AS c WHERE c.schema_name = $1 FOR NO KEY UPDATE", [.text(schema)])
    }

    /// Holds a checkpoint still until the transaction ends, and reads it.
    static func lock(schema: String, _ connection: PostgresConnection) async throws(PostgresError) -> Checkpoint? {
        let statement = hold(schema: schema)
        try await connection.query(statement.sql, statement.values)
        return try await read(schema: schema, connection)
    }

    /// Records that nothing more is applied, and why.
    static func halt(
        schema: String, position: Int64?, error: String, _ connection: PostgresConnection
    ) async throws(PostgresError) {
        try await connection.query(
            """
            UPDATE projections.checkpoints SET halted = true, halted_position = $2::bigint, error = $3, updated_at = now()
            WHERE schema_name = $1 AND (NOT halted OR halted_position IS DISTINCT FROM $2::bigint OR error IS DISTINCT FROM $3)
            """, [.text(schema), position.map(PostgresValue.int8) ?? .null, .text(String(error.prefix(2000)))])
    }
}
