import Crypto
public import Logging
public import Postgres

public import struct FoundationEssentials.UUID

/// Brings a database to the newest schema, and creates its ledger when it has none.
///
/// The table `migrations.applied` remembers each file with its SHA-256: a file that was run must never change. But for
/// `database.sql`, which is run each time: a dump carries the table, and not what that file sets.
public struct Migrator: Sendable {
    /// What a run did.
    public struct Report: Sendable, Hashable {
        /// The files that were run now, in order.
        public let applied: [String]
        /// The ledger of the database.
        public let ledger: UUID
    }

    /// Why a database can't be migrated.
    public enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// The file is not what was run before.
        case changed(file: String)
        /// The database has had a file that is not here: it belongs to a newer version.
        case unknown(file: String)
        /// There are no migrations in the folder.
        case empty(folder: String)

        public var description: String {
            switch self {
            case .changed(let file): "\(file) was changed after it had been run: a change is a new file"
            case .unknown(let file): "the database was migrated by a newer version: \(file) is not known here"
            case .empty(let folder): "there are no migrations in \(folder)"
            }
        }
    }

    /// Taken by whoever migrates a database; any number will do that nobody else takes.
    private static let lock: Int64 = 0x6C6D_6967_7261_7465

    private let schemaFolder: String
    private let configuration: PostgresConfiguration
    private let logger: Logger

    /// - Parameters:
    ///   - schemaFolder: the folder of numbered `.sql` files, and of `database.sql`.
    ///   - configuration: a superuser, or a member of the owner that may create roles and owns the database.
    public init(schemaFolder: String, configuration: PostgresConfiguration, logger: Logger) {
        self.schemaFolder = schemaFolder
        self.configuration = configuration
        self.logger = logger
    }

    /// Runs what is missing, each file in one transaction. Concurrent runs wait for one another.
    /// - Throws: `Failure`, `PostgresError`, `FileError`.
    public func run() async throws -> Report {
        try await connected { schema, connection in
            let applied = try await migrate(to: schema, over: connection)
            let rows = try await connection.query("SELECT ledger.create($1)", [.uuid(UUIDv7.next())])
            // Only the database's owner may do all of it: whoever hears a refusal has a whole ledger nevertheless.
            try await prepare(schema, over: connection)
            return Report(applied: applied, ledger: try rows[0].decode(0))
        }
    }

    /// Runs what is missing, and begins no ledger.
    ///
    /// - Returns: The files that were run now, in order.
    /// - Throws: As ``run()``.
    func migrate() async throws -> [String] {
        try await connected { schema, connection in
            let applied = try await migrate(to: schema, over: connection)
            try await prepare(schema, over: connection)
            return applied
        }
    }

    private func prepare(_ schema: Schema, over connection: PostgresConnection) async throws {
        if let sql = schema.ofDatabase { try await connection.script(sql) }
    }

    private func connected<R: Sendable>(
        _ body: (Schema, PostgresConnection) async throws -> R
    ) async throws -> R {
        let schema = try await Self.read(schemaFolder)
        return try await PostgresConnection.connect(configuration, logger: logger).use { try await body(schema, $0) }
    }

    private struct Schema: Sendable {
        let files: [Migration]
        /// `database.sql`.
        let ofDatabase: String?
    }

    private struct Migration: Sendable {
        let name: String
        let sql: String
        let digest: String
    }

    private func migrate(to schema: Schema, over connection: PostgresConnection) async throws -> [String] {
        // The lock ends with the connection.
        try await connection.query("SELECT pg_advisory_lock($1)", [.int8(Self.lock)], deadline: .seconds(120))
        try await connection.script(
            """
            CREATE SCHEMA IF NOT EXISTS migrations;
            CREATE TABLE IF NOT EXISTS migrations.applied (
                name text PRIMARY KEY,
                sha256 text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            );
            """)
        var before: [String: String] = [:]
        for row in try await connection.query("SELECT name, sha256 FROM migrations.applied ORDER BY name") {
            let name: String = try row.decode(0)
            guard schema.files.contains(where: { $0.name == name }) else { throw Failure.unknown(file: name) }
            before[name] = try row.decode(1)
        }
        var applied: [String] = []
        for file in schema.files {
            if let digest = before[file.name] {
                if digest != file.digest { throw Failure.changed(file: file.name) }
                continue
            }
            logger.info("migrating", metadata: ["file": "\(file.name)"])
            try await connection.withTransaction { connection in
                try await connection.script(file.sql, deadline: .seconds(600))
                try await connection.query(
                    "INSERT INTO migrations.applied (name, sha256) VALUES ($1, $2)", [.text(file.name), .text(file.digest)])
            }
            applied.append(file.name)
        }
        return applied
    }

    private static func read(_ folder: String) async throws -> Schema {
        let schema = try await Blocking("llmgateway.migrations").run { () throws -> Schema in
            let names = try Folder.names(folder)
            let files = try names.filter { $0.hasSuffix(".sql") && $0.prefix(4).allSatisfy(\.isNumber) }.map { name in
                let bytes = try File("\(folder)/\(name)", .read).readAll()
                return Migration(
                    name: name, sql: String(decoding: bytes, as: UTF8.self), digest: Hexadecimal.encode(SHA256.hash(data: bytes)))
            }
            let ofDatabase = try names.first { $0 == "database.sql" }.map { name in
                String(decoding: try File("\(folder)/\(name)", .read).readAll(), as: UTF8.self)
            }
            return Schema(files: files, ofDatabase: ofDatabase)
        }
        if schema.files.isEmpty { throw Failure.empty(folder: folder) }
        return schema
    }
}
