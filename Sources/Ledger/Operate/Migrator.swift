internal import Crypto
public import FoundationEssentials
public import Logging
public import Postgres

/// Brings a database to the newest schema, and creates its ledger when it has none.
public struct Migrator: Sendable {
    /// What a run did.
    public struct Report: Sendable, Hashable {
        /// The files that were run now, in order.
        public let applied: [String]
        /// The ledger of the database.
        public let ledger: UUID
    }

    /// Why a schema can't be brought up to date; the message says what to do.
    public struct Refused: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    private struct File {
        let name: String
        let text: String
        let digest: [UInt8]
    }

    private let schemaFolder: String
    private let configuration: PostgresConfiguration
    private let logger: Logger

    /// - Parameters:
    ///   - schemaFolder: the folder of numbered `.sql` files.
    ///   - configuration: a superuser, or a member of the owner that may create roles.
    public init(schemaFolder: String, configuration: PostgresConfiguration, logger: Logger) {
        self.schemaFolder = schemaFolder
        self.configuration = configuration
        self.logger = logger
    }

    /// Runs what is missing, each file in one transaction. Concurrent runs wait for one another.
    /// - Throws: `Refused` for a file that was changed after it ran or is gone; `PostgresError` of the file that failed.
    public func run() async throws -> Report {
        let files = try files()
        let connection = try await PostgresConnection.connect(configuration, logger: logger)
        do {
            // The lock of the session, not of a transaction: each file has one of its own.
            _ = try await connection.query(
                "SELECT pg_advisory_lock(hashtext('llmgateway.migrations'))", deadline: .seconds(300))
            try await connection.script(
                """
                CREATE TABLE IF NOT EXISTS public.llmgateway_migrations (
                    name text PRIMARY KEY, sha256 bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
                """)
            let applied = try await apply(files, to: connection)
            let rows = try await connection.query("SELECT ledger.create($1)", [.uuid(UUIDv7.next())])
            guard let row = rows.first else { throw Refused(description: "the ledger could not be created") }
            let report = Report(applied: applied, ledger: try row.decode(0))
            await connection.close()
            return report
        } catch {
            await connection.close()
            throw error
        }
    }

    private func apply(_ files: [File], to connection: PostgresConnection) async throws -> [String] {
        var known: [String: [UInt8]] = [:]
        for row in try await connection.query("SELECT name, sha256 FROM public.llmgateway_migrations") {
            known[try row.decode(0)] = try row.decode(1, as: [UInt8].self)
        }
        if let gone = known.keys.sorted().first(where: { name in !files.contains { $0.name == name } }) {
            throw Refused(
                description: "the database was migrated by \(gone), which this version does not have: run a version that has it")
        }
        var applied: [String] = []
        for file in files {
            if let digest = known[file.name] {
                guard digest == file.digest else {
                    throw Refused(
                        description: "\(file.name) was changed after it had run: put it back and write a new migration instead")
                }
                continue
            }
            // The digest is hex of our own making and the name a file's of the checked form, so neither can end the string.
            let hex = file.digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            try await connection.script(
                """
                BEGIN;
                \(file.text)
                RESET ROLE;
                INSERT INTO public.llmgateway_migrations (name, sha256) VALUES ('\(file.name)', '\\x\(hex)');
                COMMIT;
                """, deadline: .seconds(3600))
            logger.info("migrated", metadata: ["file": "\(file.name)"])
            applied.append(file.name)
        }
        return applied
    }

    private func files() throws -> [File] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: schemaFolder) } catch {
            throw Refused(description: "the folder \(schemaFolder) can't be read: LLMGATEWAY_ROOT must name the installation")
        }
        let files = try names.filter(Self.isMigration).sorted().map { name in
            guard let data = FileManager.default.contents(atPath: schemaFolder + "/" + name) else {
                throw Refused(description: "\(schemaFolder)/\(name) can't be read")
            }
            return File(name: name, text: String(decoding: data, as: UTF8.self), digest: Array(SHA256.hash(data: data)))
        }
        guard !files.isEmpty else { throw Refused(description: "the folder \(schemaFolder) holds no migrations") }
        return files
    }

    /// `0001_name.sql`: four digits, then lower-case letters, digits and underscores.
    private static func isMigration(_ name: String) -> Bool {
        guard name.hasSuffix(".sql"), name.utf8.count > 9 else { return false }
        let stem = name.dropLast(4).utf8
        return stem.prefix(4).allSatisfy { (0x30...0x39).contains($0) }
            && stem.dropFirst(4).allSatisfy { $0 == 0x5F || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
    }
}
