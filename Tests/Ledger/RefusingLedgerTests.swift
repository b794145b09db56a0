import Foundation
import Postgres
import TestSupport
import Testing

@testable import Ledger

/// A Postgres that answers and takes nothing, for a reason that is none of the commands': they wait for it as for one that is
/// away, nothing is put aside for good, and the appender goes on by itself.
@Suite(.timeLimit(.minutes(2))) struct RefusingLedgerTests {
    @Test func outcomesWaitUntilTheRoleMayAppendAgain() async throws {
        try await withLedgerDatabase { database in
            try await withFolder { folder in
                try await withClient(database.service) { client in
                    let appender = Appender(configuration: database.service, patience: .milliseconds(200), logger: quietLogger)
                    let running = Task { try await appender.run() }
                    let spool = try OutcomeSpool(directory: folder, logger: quietLogger)
                    let writer = OutcomeWriter(appender: appender, client: client, spool: spool, logger: quietLogger)
                    let cast = Cast()
                    let requests = (0..<20).map { _ in RequestID.mint() }
                    for request in requests { _ = try await appender.append(Command(cast.authorization(of: request))) }
                    try await database.script("REVOKE EXECUTE ON FUNCTION ledger.append FROM llmgateway_service")
                    try await withThrowingTaskGroup(of: OutcomeWriter.Settlement.self) { group in
                        for request in requests { group.addTask { try await writer.settle(cast.completion(of: request)) } }
                        for try await settlement in group { #expect(settlement == .spooled) }
                    }
                    #expect(spool.count == 20)
                    let error = await #expect(throws: AppendError.self) { try await appender.append(Command(cast.grant())) }
                    #expect(error?.code == .unavailable && error?.outcomeUnknown == false)
                    #expect(error?.message.contains("42501") == true, "\(error?.message ?? "")")
                    await #expect(throws: AppendError.self) { try await writer.drain() }
                    #expect(spool.count == 20)
                    try await database.script("GRANT EXECUTE ON FUNCTION ledger.append TO llmgateway_service")
                    let background = Task { await writer.run() }
                    while spool.count > 0 { try await Task.sleep(for: .milliseconds(5)) }
                    background.cancel()
                    await background.value
                    for request in requests {
                        #expect(try await LedgerReader(client).stream(.request(request)).last?.type == "request.completed")
                    }
                    #expect(!FileManager.default.fileExists(atPath: folder + "/refused"))
                    #expect(appender.statistics.rejectedCommands == 0)
                    await appender.shutdown()
                    try await running.value
                }
            }
        }
    }

    /// What a session began with stays with it, so a new one must be tried.
    @Test(arguments: ["synchronous_commit = off", "default_transaction_isolation = serializable"])
    func aSettingOfTheSessionsIsMendedWithoutARestart(setting: String) async throws {
        try await withLedgerDatabase { database in
            let appender = Appender(configuration: database.service, patience: .milliseconds(200), logger: quietLogger)
            let writer = Task { try await appender.run() }
            let cast = Cast()
            #expect(try await appender.append(Command(cast.grant())).position == 3)
            try await Self.alter(database, "SET \(setting)")
            try await database.script(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'llmgateway appender'
                """)
            let grant = try Command(cast.grant())
            // The first may have been sent over the dying connection, and until there is another nobody knows more than that.
            var error: AppendError?
            try await eventually("it says that it takes no events") {
                error = await #expect(throws: AppendError.self) { try await appender.append(grant) }
                return error.map { $0.message.contains("takes no events now") && !$0.outcomeUnknown } ?? true
            }
            #expect(error?.code == .unavailable)
            try await Self.alter(database, "RESET ALL")
            let limit = ContinuousClock.now + .seconds(30)
            var result = try? await appender.append(grant)
            while result == nil, ContinuousClock.now < limit {
                try await Task.sleep(for: .milliseconds(10))
                result = try? await appender.append(grant)
            }
            #expect(result?.position == 4)
            await appender.shutdown()
            try await writer.value
        }
    }

    private static func alter(_ database: LedgerDatabase, _ what: String) async throws {
        try await database.script(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I \(what)', current_database()); END $$")
    }
}
