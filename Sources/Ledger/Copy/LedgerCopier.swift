public import Logging
public import Postgres
import Synchronization

/// Brings a second database a copy of the ledger's events and keeps it up to date, so that read models may lie where they cost
/// the ledger nothing.
///
/// Every event that arrives is checked against the chain: the copy has the hashes of the ledger, or ends where it does not. Nothing
/// else is copied: no body, no annotation, no person, no key.
public struct LedgerCopier: Sendable {
    /// How far the copy is.
    public struct Progress: Sendable, Hashable {
        public var position: Int64
        /// The ledger's newest position when the last events were read.
        public var head: Int64
    }

    /// Why a database can't have the copy.
    public enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// It has a ledger of its own.
        case isLedger
        /// It has events that the ledger does not have, or has otherwise.
        case otherHistory(position: Int64)
        /// Another process copies into it.
        case busy

        public var description: String {
            switch self {
            case .isLedger: "the target database has a ledger of its own: name an empty database"
            case .otherHistory(let position):
                "the copy's event \(position) is not the ledger's (was a database restored?): copy into an empty database"
            case .busy: "another process copies into the target database"
            }
        }
    }

    /// Taken by whoever copies into a database; any number will do that nobody else takes.
    private static let lock: Int64 = 0x6C6D_636F_7079_2E2E
    /// Positions that are copied in one transaction.
    private static let batch: Int64 = 20_000

    private let source: PostgresConfiguration
    private let target: PostgresConfiguration
    private let schemaFolder: String
    private let logger: Logger

    /// - Parameters:
    ///   - source: A role that may read the events.
    ///   - target: A superuser of another database, or a member of the owner that may create roles.
    public init(source: PostgresConfiguration, target: PostgresConfiguration, schemaFolder: String, logger: Logger) {
        self.source = source
        self.target = target
        self.schemaFolder = schemaFolder
        self.logger = logger
    }

    /// Copies what the target lacks.
    ///
    /// - Parameters:
    ///   - follows: Whether it goes on until the task is cancelled, waiting for new events, instead of ending at the ledger's end.
    ///   - progress: Gets every step.
    /// - Returns: The last.
    /// - Throws: ``Failure``, ``LedgerFault`` when what arrived is not what was hashed, `PostgresError`; everything up to the last
    ///   step is there, and another run goes on from it.
    @discardableResult
    public func run(
        follows: Bool = false, progress: @Sendable (Progress) -> Void = { _ in }
    ) async throws -> Progress {
        _ = try await Migrator(schemaFolder: schemaFolder, configuration: target, logger: logger).migrate()
        return try await PostgresConnection.connect(source, logger: logger).use { source in
            try await PostgresConnection.connect(target, logger: logger).use { target in
                guard try await Self.first(target, "SELECT pg_try_advisory_lock($1)", [.int8(Self.lock)]) == true else {
                    throw Failure.busy
                }
                var position = try await prepare(target)
                while true {
                    let step = try await copy(from: source, to: target, after: position)
                    position = step.position
                    progress(step)
                    if position == step.head {
                        guard follows, !Task.isCancelled else { return step }
                        try await Task.sleep(for: .milliseconds(250))
                    }
                }
            }
        }
    }

    /// Makes of an empty ledger one that is only copied into: without the triggers, and without what appends.
    ///
    /// - Returns: The last position that is there.
    private func prepare(_ target: PostgresConnection) async throws -> Int64 {
        let position: Int64 = try await Self.first(target, "SELECT coalesce(max(position), 0) FROM ledger.events") ?? 0
        let isLedger: Bool? = try await Self.first(
            target,
            "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'ledger.events'::regclass AND tgname = 'events_appended_only')"
        )
        if isLedger == true, position > 0 { throw Failure.isLedger }
        try await target.script(
            """
            BEGIN;
            SET LOCAL ROLE llmgateway_owner;
            DROP TRIGGER IF EXISTS events_appended_only ON ledger.events;
            DROP FUNCTION IF EXISTS ledger.append, ledger.create;
            COMMIT
            """)
        return position
    }

    private func copy(
        from source: PostgresConnection, to target: PostgresConnection, after: Int64
    ) async throws -> Progress {
        let rows = try await source.query(
            """
            SELECT coalesce(max(position), 0), (SELECT hash FROM ledger.events WHERE position = $1) FROM ledger.events
            """, [.int8(after)])
        let head: Int64 = try rows[0].decode(0)
        let hash: [UInt8]? = try rows[0].decode(1)
        let known: [UInt8]? = try await Self.first(target, "SELECT hash FROM ledger.events WHERE position = $1", [.int8(after)])
        guard hash == known else { throw Failure.otherHistory(position: after) }
        let upto = min(after + Self.batch, head)
        guard upto > after else { return Progress(position: after, head: head) }
        let bytes = Mutex([UInt8]())
        let columns = """
            position, id, stream_kind, stream_id, stream_version, type, schema_version, organization, data, metadata, occurred_at, \
            recorded_at, hash
            """
        try await source.copyOut(
            """
            COPY (
                SELECT \(columns) FROM ledger.events WHERE position > \(after) AND position <= \(upto) ORDER BY position
            ) TO STDOUT (FORMAT binary)
            """
        ) { chunk in bytes.withLock { $0 += chunk } }
        try await target.withTransaction { target in
            try await target.script("SET LOCAL ROLE llmgateway_owner")
            try await target.copyIn("COPY ledger.events (\(columns)) FROM STDIN (FORMAT binary)") {
                let all = bytes.withLock { bytes in
                    defer { bytes = [] }
                    return bytes
                }
                return all.isEmpty ? nil : all
            }
            try await Self.check(target, after: after, upto: upto)
        }
        return Progress(position: upto, head: head)
    }

    /// Recomputes the hashes of what arrived, as schema/README.md says.
    private static func check(_ target: PostgresConnection, after: Int64, upto: Int64) async throws {
        let rows = try await target.query(
            """
            SELECT count(*) FILTER (WHERE position > $1), min(position) FILTER (WHERE position > $1 AND hash IS DISTINCT FROM expected)
            FROM (
                SELECT
                    e.position, e.hash,
                    sha256(coalesce(lag(e.hash) OVER (ORDER BY e.position), sha256(uuid_send(e.stream_id))) || sha256(record_send(ROW(
                        e.position, e.id, e.stream_kind, e.stream_id, e.stream_version, e.type, e.schema_version, e.organization,
                        e.data, e.metadata, e.occurred_at, e.recorded_at)))) AS expected
                FROM ledger.events AS e WHERE e.position BETWEEN $1 AND $2
            ) AS e
            """, [.int8(after), .int8(upto)], deadline: .seconds(120))
        let count: Int64 = try rows[0].decode(0)
        if let broken: Int64 = try rows[0].decode(1) { throw LedgerFault(position: broken, reason: .hashMismatch) }
        guard count == upto - after else { throw LedgerFault(position: after + 1, reason: .missing) }
    }

    private static func first<Value: PostgresDecodable>(
        _ connection: PostgresConnection, _ sql: String, _ values: [PostgresValue] = []
    ) async throws -> Value? {
        try await connection.query(sql, values).first?.decode(0)
    }
}
