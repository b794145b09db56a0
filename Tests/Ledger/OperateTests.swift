import Foundation
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite struct MigratorTests {
    private static func migrator(_ folder: String, _ url: String) throws -> Migrator {
        Migrator(schemaFolder: folder, configuration: try PostgresConfiguration(url: url), logger: quietLogger)
    }

    private static func copySchema(to folder: String) throws {
        let schema = TestEnvironment.root + "/schema"
        for name in try FileManager.default.contentsOfDirectory(atPath: schema) where name.hasSuffix(".sql") {
            try FileManager.default.copyItem(atPath: "\(schema)/\(name)", toPath: "\(folder)/\(name)")
        }
    }

    @Test func manyMigrateAtOnceAndTheLedgerIsMadeOnce() async throws {
        try await withTestDatabase { url in
            let schema = TestEnvironment.root + "/schema"
            let reports = try await withThrowingTaskGroup(of: Migrator.Report.self) { group in
                for _ in 0..<6 { group.addTask { try await Self.migrator(schema, url).run() } }
                return try await group.reduce(into: [Migrator.Report]()) { $0.append($1) }
            }
            #expect(Set(reports.map(\.ledger)).count == 1)
            let applied = reports.filter { !$0.applied.isEmpty }
            #expect(applied.count == 1)
            #expect(applied[0].applied == applied[0].applied.sorted() && applied[0].applied.count >= 6)
            try await withClient(PostgresConfiguration(url: url)) { client in
                let reader = LedgerReader(client)
                let ledger = try await reader.ledgerID()
                #expect(ledger == reports[0].ledger)
                let events = try await reader.events()
                #expect(events.map(\.type) == ["ledger.created", "admission.epoch_started"])
            }
        }
    }

    @Test func aFileThatWasChangedIsRefused() async throws {
        try await withTestDatabase { url in
            try await withFolder { folder in
                try Self.copySchema(to: folder)
                try "not a migration".write(toFile: "\(folder)/notes.sql", atomically: true, encoding: .utf8)
                let extra = "\(folder)/9000_extra.sql"
                try "CREATE TABLE extra (a int);".write(toFile: extra, atomically: true, encoding: .utf8)
                #expect(try await Self.migrator(folder, url).run().applied.last == "9000_extra.sql")
                #expect(try await Self.migrator(folder, url).run().applied.isEmpty)
                try "CREATE TABLE extra (a bigint);".write(toFile: extra, atomically: true, encoding: .utf8)
                await #expect(throws: Migrator.Failure.changed(file: "9000_extra.sql")) {
                    try await Self.migrator(folder, url).run()
                }
                try FileManager.default.removeItem(atPath: extra)
                await #expect(throws: Migrator.Failure.unknown(file: "9000_extra.sql")) {
                    try await Self.migrator(folder, url).run()
                }
            }
        }
    }

    /// Both are of the database: neither is in a dump of it. What somebody chose since stays.
    @Test func whatADumpDoesNotCarryIsMadeGood() async throws {
        try await withTestDatabase { url in
            let schema = TestEnvironment.root + "/schema"
            _ = try await Self.migrator(schema, url).run()
            let name = try #require(try PostgresConfiguration(url: url).database)
            func change(_ sql: String...) async throws {
                try await withClient(PostgresConfiguration(url: url)) { client in
                    for statement in sql { try await client.query(statement) }
                }
                #expect(try await Self.migrator(schema, url).run().applied.isEmpty)
            }
            func state() async throws -> [String] {
                // A new connection: it begins with the database's settings.
                try await withClient(PostgresConfiguration(url: url)) { client in
                    try await client.query(
                        """
                        SELECT ARRAY[has_database_privilege('llmgateway_projector', current_database(), 'CREATE')::text,
                            current_setting('backend_flush_after')]
                        """)[0].decode(0)
                }
            }
            try await change(
                "REVOKE ALL ON DATABASE \"\(name)\" FROM llmgateway_projector",
                "ALTER DATABASE \"\(name)\" RESET backend_flush_after")
            #expect(try await state() == ["true", "512kB"])
            try await change("ALTER DATABASE \"\(name)\" SET backend_flush_after = '256kB'")
            #expect(try await state() == ["true", "256kB"])
        }
    }

    /// Where the role does not own the database, and the projector's right is missing.
    @Test func whoMayNotSayWhatIsOfTheDatabaseHasAWholeLedger() async throws {
        try await withTestDatabase { url in
            try await withFolder { folder in
                try Self.copySchema(to: folder)
                let refusal = "DO $$ BEGIN RAISE insufficient_privilege; END $$;"
                try refusal.write(toFile: "\(folder)/database.sql", atomically: true, encoding: .utf8)
                let error = await #expect(throws: PostgresError.self) { try await Self.migrator(folder, url).run() }
                #expect(error?.sqlState == "42501")
                try await withClient(PostgresConfiguration(url: url)) { client in
                    let events = try await LedgerReader(client).events()
                    #expect(events.map(\.type) == ["ledger.created", "admission.epoch_started"])
                }
            }
        }
    }

    /// A file that fails leaves nothing of itself, and the next run goes on with it.
    @Test func aFileIsRunWholeOrNotAtAll() async throws {
        try await withTestDatabase { url in
            try await withFolder { folder in
                let file = "\(folder)/0001_first.sql"
                try "CREATE TABLE first (a int); SELECT 1 / 0;".write(toFile: file, atomically: true, encoding: .utf8)
                await #expect(throws: PostgresError.self) { try await Self.migrator(folder, url).run() }
                try "CREATE TABLE first (a int);".write(toFile: file, atomically: true, encoding: .utf8)
                // There is no ledger.create in this folder, so the run ends there; the file was run nevertheless.
                await #expect(throws: PostgresError.self) { try await Self.migrator(folder, url).run() }
                try await withClient(PostgresConfiguration(url: url)) { client in
                    let rows = try await client.query("SELECT count(*) FROM first")
                    #expect(rows.count == 1)
                }
                await #expect(throws: Migrator.Failure.empty(folder: folder + "/none")) {
                    try FileManager.default.createDirectory(atPath: folder + "/none", withIntermediateDirectories: false)
                    _ = try await Self.migrator(folder + "/none", url).run()
                }
            }
        }
    }
}

@Suite struct BesideTests {
    @Test func aBodyLiesBesideItsDigest() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                let store = PayloadStore(client)
                let request = RequestID.mint()
                let body = Array("{\"messages\":[]}\0".utf8)
                let sealed = PayloadStore.seal(body)
                #expect(sealed.digest.count == 32)
                #expect(PayloadStore.seal(body).digest != sealed.digest, "each has its own key")
                for _ in 0..<2 { try await store.put(request: request, kind: "prompt", body: body, sealed: sealed) }
                let (stored, key) = try #require(try await store.get(request: request, kind: "prompt"))
                #expect(stored == body)
                #expect(PayloadStore.matches(stored, digest: sealed.digest, key: key))
                #expect(!PayloadStore.matches(Array("guess".utf8), digest: sealed.digest, key: key))
                let none = try await store.get(request: request, kind: "completion")
                #expect(none == nil)
                // Several kinds are had at once.
                let answer = Array("{}".utf8)
                try await store.put(request: request, kind: "upstream_answer", body: answer, sealed: PayloadStore.seal(answer))
                let kinds = ["prompt", "completion", "upstream_answer"]
                #expect(try await store.bodies(of: request, kinds: kinds) == ["prompt": body, "upstream_answer": answer])
                #expect(try await store.bodies(of: request, kinds: ["completion"]).isEmpty)
                #expect(try await store.bodies(of: .mint(), kinds: kinds).isEmpty)
            }
        }
    }

    @Test func retentionForgetsWholeDays() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                let old = UUID(high: UInt64(Timestamp.now.microseconds / 1000 - 5 * 86_400_000) << 16 | 0x7000, low: 1 << 63)
                let body = Array("x".utf8)
                let store = PayloadStore(client)
                for request in [RequestID(uuid: old), .mint()] {
                    try await store.put(request: request, kind: "prompt", body: body, sealed: PayloadStore.seal(body))
                }
                let retention = Retention(client: client, payloadDays: 3, annotationDays: 3, logger: quietLogger)
                let dropped = try await retention.forget()
                #expect(dropped.count == 1 && dropped[0].hasPrefix("payloads_"))
                let gone = try await store.get(request: RequestID(uuid: old), kind: "prompt")
                #expect(gone == nil)
                let again = try await retention.forget()
                #expect(again.isEmpty)
            }
        }
    }

    @Test func payloadsAreWrittenInBatchesAndBoundedInBytes() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                let writer = PayloadWriter(client: client, waitingLimit: 10 << 20, logger: quietLogger)
                let store = PayloadStore(client)
                // Each is more than half a batch, so that a batch is one of them.
                let bodies = (0..<4).map { [UInt8](repeating: UInt8($0), count: (5 << 20) / 2 - 256) }
                let requests = bodies.map { _ in RequestID.mint() }
                let sealed = bodies.map { PayloadStore.seal($0) }
                for (index, request) in requests.enumerated() {
                    #expect(writer.put(request: request, kind: "prompt", body: bodies[index], sealed: sealed[index]))
                }
                #expect(!writer.put(request: .mint(), kind: "prompt", body: [1], sealed: PayloadStore.seal([1])))
                #expect(writer.dropped == 1)
                let running = Task { await writer.run() }
                running.cancel()
                await running.value
                for (index, request) in requests.enumerated() {
                    let (body, key) = try #require(try await store.get(request: request, kind: "prompt"))
                    #expect(body == bodies[index])
                    #expect(PayloadStore.matches(body, digest: sealed[index].digest, key: key))
                }
                #expect(!writer.put(request: .mint(), kind: "prompt", body: [1], sealed: PayloadStore.seal([1])), "it has ended")
            }
        }
    }

    @Test func annotationsAreWrittenInBatchesAndBounded() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                let writer = AnnotationWriter(client: client, queueLimit: 100, logger: quietLogger)
                let body = Array(#"{"address":"192.0.2.1"}"#.utf8)
                let events = (0..<100).map { _ in EventID.mint() }
                for event in events { #expect(writer.put(event: event, kind: "client", body: body)) }
                #expect(!writer.put(event: .mint(), kind: "client", body: body))
                #expect(!writer.put(event: .mint(), kind: "client", body: Array(#""\u0000""#.utf8)))
                #expect(writer.dropped == 2)
                let running = Task { await writer.run() }
                running.cancel()
                await running.value
                let rows = try await client.query("SELECT count(*), count(DISTINCT event) FROM ledger.annotations")
                let counts: [Int64] = try [rows[0].decode(0), rows[0].decode(1)]
                #expect(counts == [100, 100])
                #expect(!writer.put(event: .mint(), kind: "client", body: body), "it has ended")
            }
        }
    }
}

@Suite struct GuardTests {
    @Test func theServiceIsProvedHarmlessAndOthersAreNot() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                let findings = try await LedgerProtection.findings(client)
                #expect(findings == [])
            }
            try await withClient(database.administrator) { client in
                let findings = try await LedgerProtection.findings(client)
                #expect(findings.map(\.finding) == ["superuser"])
            }
            try await database.script("GRANT UPDATE ON ledger.events TO llmgateway_service")
            try await withClient(database.service) { client in
                let findings = try await LedgerProtection.findings(client)
                #expect(findings.map(\.description) == ["holds UPDATE on ledger.events: llmgateway_service"])
            }
        }
    }

    /// T6: whoever holds the append lock and stalls is ended; the others append again.
    @Test(.timeLimit(.minutes(2))) func aStalledAppenderIsEnded() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                try await withAppender(database.service) { appender in
                    let stalled = try await PostgresConnection.connect(database.service, logger: quietLogger)
                    try await stalled.script("BEGIN; SELECT ledger.create(gen_random_uuid())")
                    let append = Task { try await appender.append(Command(Cast().grant()), deadline: .seconds(30)) }
                    let watchdog = Watchdog(client: client, logger: quietLogger)
                    while try await watchdog.look().isEmpty { try await Task.sleep(for: .milliseconds(100)) }
                    #expect(watchdog.ended == 1)
                    let result = try await append.value
                    #expect(result == .appended(first: 3, last: 3))
                    await stalled.close()
                }
            }
        }
    }
}
