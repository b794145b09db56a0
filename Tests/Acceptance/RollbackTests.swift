import Postgres
import TestSupport
import Testing

/// A ledger that is behind its newest seal, as after yesterday's database was put in place of today's.
@Suite(.timeLimit(.minutes(5))) struct RollbackTests {
    @Test func serveRefusesALedgerBehindItsSealUntilThatIsAccepted() async throws {
        try await withGateway { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            try await gateway.command("credits", "grant", "--organization", key.organization, "--amount", "1")
            await gateway.stop()
            try await gateway.command("ledger", "seal")
            let head = try await gateway.balance(key.organization).position
            try await Self.cutOff(gateway)

            let refused = await #expect(throws: CommandFailure.self) { try await gateway.command("serve", "--port", "0") }
            let said = refused?.output ?? ""
            #expect(refused?.status == 1 && said.contains("the ledger ends at \(head - 1) and is sealed to \(head)"), "\(said)")
            #expect(said.contains("only --accept-rollback goes on from here"), "\(said)")
            #expect(try await Self.accepted(gateway) == 0, "whoever is refused has accepted nothing")
            let verified = await #expect(throws: CommandFailure.self) { try await gateway.command("ledger", "verify") }
            #expect(verified?.output.contains("the tail is missing after \(head - 1)") == true, "\(String(describing: verified))")

            // Once is enough: the event says it from then on.
            try await gateway.start(arguments: ["--accept-rollback"])
            #expect(try await Self.accepted(gateway) == 1)
            await gateway.stop()
            try await gateway.start()
            await gateway.stop()
            #expect(try await Self.accepted(gateway) == 1)
            try await gateway.command("ledger", "seal")
            #expect(try await gateway.command("ledger", "verify").contains("unsealed tail 0"))
        }
    }

    private static func accepted(_ gateway: GatewayProcess) async throws -> Int {
        try await gateway.command("ledger", "events", "--type", "rollback.accepted", "--json").split(separator: "\n").count
    }

    /// Takes the newest event away, as only who owns the table can.
    private static func cutOff(_ gateway: GatewayProcess) async throws {
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(url: gateway.database.url), logger: LedgerDatabase.quiet)
        try await connection.script(
            """
            ALTER TABLE ledger.events DISABLE TRIGGER USER;
            DELETE FROM ledger.events WHERE position = (SELECT max(position) FROM ledger.events);
            ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_immutable;
            ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_not_truncated;
            ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_appended_only;
            """)
        await connection.close()
    }
}
