import Foundation
import TestSupport
import Testing

/// What an operator is told by the commands that change something.
@Suite struct OperatorCommandTests {
    /// What a command says on both streams.
    private static func said(_ gateway: GatewayProcess, _ arguments: [String]) async throws -> String {
        try await runCommand(
            ["sh", "-c", "exec \"$@\" 2>&1", "sh", GatewayProcess.executable] + arguments,
            environment: GatewayProcess.environment(of: gateway.database.url, home: gateway.home).merging([
                "REDIS_URL": gateway.redis.url
            ]) { _, given in given })
    }

    /// A key that was disabled is let in until the gateways know it: who disabled it must hear that they don't.
    @Test func aChangeThatIsNotObeyedYetSaysSo() async throws {
        try await withGateway { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            #expect(try await Self.said(gateway, ["keys", "disable", "--key", key.key]) == "key \(key.key) inactive\n")
            // Nobody applies anything any more.
            await gateway.stop()
            let unheard = "the gateways do not know it yet\n"
            for arguments in [
                ["keys", "enable", "--key", key.key], ["keys", "set-limit", "--key", key.key],
                ["keys", "create", "--project", key.project, "--name", "N", "--count", "2"],
                ["projects", "set-limit", "--project", key.project, "--usage-limit", "none"],
                ["projects", "create", "--organization", key.organization, "--name", "N"],
                ["organizations", "set-retention", "--organization", key.organization, "--level", "retain"],
                ["credits", "grant", "--organization", key.organization, "--amount", "1"],
                ["credits", "adjust", "--organization", key.organization, "--amount", "-1", "--reason", "a test"],
                ["organizations", "create", "--name", "N"],
            ] {
                let text = try await Self.said(gateway, arguments)
                #expect(text.hasSuffix(unheard) && text.contains("\nrecorded at position "), "\(arguments): \(text)")
                #expect(text.components(separatedBy: unheard).count == 2, "\(arguments): \(text)")
            }
            // What a script reads is as ever.
            #expect(try await gateway.command("keys", "disable", "--key", key.key) == "key \(key.key) inactive\n")
            #expect(
                try await Self.said(gateway, ["organizations", "erase", "--organization", key.organization]).hasSuffix(unheard))
        }
    }

    /// Programs look for members by their names.
    @Test func whatIsNotThereIsNull() async throws {
        try await withGateway { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            func lines(_ arguments: String...) async throws -> [[String: Any]] {
                let text = try await gateway.command(arguments + ["--json"])
                let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
                let lines = value as? [[String: Any]] ?? (value as? [String: Any]).map { [$0] }
                return try #require(lines)
            }
            let grants = try await lines("credits", "list", "--organization", key.organization)
            #expect(!grants.isEmpty && grants.allSatisfy { $0["payment"] is NSNull && $0["expiresAt"] is NSNull })
            let events = try await lines("ledger", "events", "--type", "ledger.created")
            #expect(events.count == 1 && events.allSatisfy { $0["organization"] is NSNull })
            let mappings = try await lines("catalogue", "list")
            #expect(!mappings.isEmpty && mappings.allSatisfy { $0["maximumOutput"] != nil })
        }
    }
}
