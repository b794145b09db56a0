import Foundation
import Ledger
import Postgres
import TestSupport
import Testing

/// T22: the clock of a gateway's machine steps. What is enforced follows the clocks of Redis and of the database.
@Suite(.timeLimit(.minutes(10))) struct ClockTests {
    private struct Created: Decodable { let organization: String?, project: String?, token: String? }

    @Test func `an hour forward and an hour back let nobody in and keep nobody out`() async throws {
        let machine = try await FaultyMachine()
        try await withGateway(environment: machine.environment) { gateway in
            func created(_ words: String...) async throws -> Created {
                try JSONDecoder().decode(Created.self, from: Data(try await gateway.command(words + ["--json"]).utf8))
            }
            let organization = try await created("organizations", "create", "--name", "Clock").organization ?? ""
            try await gateway.command("credits", "grant", "--organization", organization, "--amount", "5")
            let project = try await created("projects", "create", "--organization", organization, "--name", "Clock").project ?? ""
            let soon = Date.now.addingTimeInterval(1_800).formatted(.iso8601)
            let expiring = try await created("keys", "create", "--project", project, "--name", "a", "--expires-at", soon)
            let limited = try await created("keys", "create", "--project", project, "--name", "b", "--requests-per-minute", "1")
            let plain = try await created("keys", "create", "--project", project, "--name", "c")
            func status(_ key: Created) async throws -> Int { try await GatewayClient.chat(gateway, key.token ?? "").status }

            #expect(try await status(limited) == 200)
            let began = ContinuousClock.now
            for hours in [0, 1, -1] as [Int64] {
                try machine.set(seconds: hours * 3_600)
                #expect(try await status(plain) == 200, "\(hours) hours off")
                // It has half an hour left.
                #expect(try await status(expiring) == 200, "\(hours) hours off")
                let answer = try await status(limited)
                // On a machine that stood still the minute may be over in truth.
                #expect(answer == 429 || ContinuousClock.now - began > .seconds(50), "\(hours) hours off")
            }
            let connection = try await PostgresConnection.connect(
                PostgresConfiguration(url: gateway.database.url), logger: LedgerDatabase.quiet)
            let rows = try await connection.query(
                """
                SELECT max(occurred_at) > now() + interval '30 minutes', max(recorded_at) <= now() + interval '1 minute',
                    bool_and(recorded_at > before)
                FROM (SELECT *, lag(recorded_at, 1, '-infinity') OVER (ORDER BY position) AS before FROM ledger.events) AS events
                """)
            #expect(try rows[0].decode(0, as: Bool.self), "the gateway's own clock did step")
            for column in 1...2 { #expect(try rows[0].decode(column, as: Bool.self), "the ledger's times did not") }
            await connection.close()
            try await gateway.command("ledger", "verify")
        }
        machine.remove()
    }
}
