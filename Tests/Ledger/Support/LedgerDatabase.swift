import Foundation
import Ledger
import Logging
import Postgres
import TestSupport

/// A database with a ledger of one test's own.
struct LedgerDatabase: Sendable {
    /// A superuser.
    let administrator: PostgresConfiguration
    /// What the gateway may do, and no more.
    let service: PostgresConfiguration
    let ledger: UUID

    /// Migrates a database.
    init(url: String) async throws {
        administrator = try PostgresConfiguration(url: url)
        var service = administrator
        service.user = "llmgateway_service"
        self.service = service
        ledger = try await Migrator(
            schemaFolder: TestEnvironment.root + "/schema", configuration: administrator, logger: quietLogger
        ).run().ledger
    }

    /// Runs statements as the superuser.
    func script(_ sql: String) async throws {
        let connection = try await PostgresConnection.connect(administrator, logger: quietLogger)
        do { try await connection.script(sql) } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    /// Runs statements as somebody for whom no trigger fires: whoever owns the machine.
    func tamper(_ sql: String) async throws {
        try await script(
            """
            ALTER TABLE ledger.events DISABLE TRIGGER USER;
            \(sql);
            ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_immutable;
            ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_not_truncated;
            ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_appended_only;
            """)
    }
}

/// A logger that says nothing.
let quietLogger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// Makes a database with a ledger for one test and drops it afterwards.
func withLedgerDatabase<R: Sendable>(_ body: (LedgerDatabase) async throws -> R) async throws -> R {
    try await withTestDatabase { url in try await body(LedgerDatabase(url: url)) }
}
