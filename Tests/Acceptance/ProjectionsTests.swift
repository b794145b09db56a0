import Foundation
import Postgres
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(3))) struct ProjectionsTests {
    private struct Rebuilt: Decodable { let name: String, position: Int64, equal: Bool?, epoch: Int64? }

    /// Redis holds a copy of admission's tables: the command that replaces them begins the epoch that has them read again.
    @Test func rebuildingAdmissionBeginsAnEpoch() async throws {
        try await withGateway { gateway in
            let key = try await AcceptanceTests.shop(gateway, credits: "1")
            let chat = [
                "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", gateway.url + "/v1/chat/completions", "-H",
                "Authorization: Bearer \(key.token)", "-d", #"{"model": "echo", "messages": [{"role": "user", "content": "a"}]}"#,
            ]
            #expect(try await runCommand(chat) == "200")
            let admission = try await rebuild("admission", gateway)
            #expect(admission.equal == true)
            let epoch = try #require(admission.epoch)
            #expect(epoch > admission.position)
            let epochs = try await gateway.command(
                "ledger", "events", "--type", "admission.epoch_started", "--after", "\(epoch - 1)")
            #expect(epochs.contains("tables_rebuilt"))
            #expect(try await runCommand(chat) == "200")
            #expect(try await rebuild("balances", gateway).epoch == nil)
            // The tables of before, which are kept, are no second projection of that name.
            let lines = try await runCommand(["curl", "-s", gateway.url + "/metrics"]).split(separator: "\n")
            let series = lines.filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != " " } }
            #expect(series.contains("llmgateway_projection_lag_events{projection=\"balances\"}"))
            #expect(Set(series).count == series.count)
            // What went wrong is counted from the start, so that an alert can be on its growth.
            for name in ["overloaded_commands", "expired_commands", "rejected_commands", "resent_batches"] {
                #expect(series.contains("llmgateway_ledger_\(name)_total"))
            }
        }
    }

    /// A command that ended between the new tables and the epoch is made good by the next one, which finds nothing outdated.
    @Test func anEpochThatWasNotBegunIsBegunByTheNextCommand() async throws {
        try await withGateway { gateway in
            let rebuilt = try #require(try await rebuild("admission", gateway).epoch)
            let outdated = ["projections", "rebuild", "--outdated"]
            #expect(try await gateway.command(outdated).contains("no projection is outdated"))
            try await LedgerDatabase.with(url: gateway.database.url) { ledger in
                _ = try await ledger.client.query(
                    "UPDATE projections.checkpoints SET updated_at = now() WHERE schema_name = 'admission__previous'")
            }
            let answer = try await gateway.command(outdated + ["--json"])
            #expect(answer.contains(#""name":"admission""#), "\(answer)")
            let epochs = try await gateway.command(
                "ledger", "events", "--type", "admission.epoch_started", "--after", "\(rebuilt)")
            #expect(epochs.contains("tables_rebuilt"))
            #expect(try await gateway.command(outdated).contains("no projection is outdated"))
        }
    }

    /// After an update of the program its new versions are made, and nothing else.
    @Test func whatAnUpdateHasChangedIsRebuilt() async throws {
        try await withGateway { gateway in
            let folder = "/tmp/projections-\(UUID().uuidString.prefix(13))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try await gateway.command("projections", "new", "updated", "--folder", folder)
            try await gateway.command("projections", "rebuild", "updated", "--folder", folder)
            #expect(
                try await gateway.command("projections", "rebuild", "--outdated", "--folder", folder).contains("no projection"))
            let file = folder + "/updated/projection.json"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            #expect(text.contains(#""version": 1"#))
            try text.replacing(#""version": 1"#, with: #""version": 2"#).write(toFile: file, atomically: true, encoding: .utf8)
            #expect(try await gateway.command("projections", "status", "--folder", folder).contains("updated outdated"))
            let rebuilt = try await gateway.command("projections", "rebuild", "--outdated", "--folder", folder, "--json")
            #expect(rebuilt.contains(#""name":"updated""#) && rebuilt.contains(#""version":2"#), "\(rebuilt)")
            #expect(try await !gateway.command("projections", "status", "--folder", folder).contains("outdated"))
        }
    }

    /// As other commands: a time is ISO 8601, and what is not there is null.
    @Test func programsReadStatusAndComparison() async throws {
        try await withGateway { gateway in
            _ = try await AcceptanceTests.shop(gateway)
            func object(_ arguments: [String]) async throws -> Any {
                let text = try await gateway.command(["projections"] + arguments + ["--json"])
                return try JSONSerialization.jsonObject(with: Data(text.utf8))
            }
            let shown = try await object(["status"])
            let statuses = try #require(shown as? [[String: Any]])
            let balances = try #require(statuses.first { $0["name"] as? String == "balances" })
            let asOf = try #require(balances["asOf"] as? String)
            #expect(asOf.hasSuffix("Z") && asOf.contains("T"))
            #expect(balances["haltedAt"] is NSNull && balances["error"] is NSNull && balances["state"] as? String == "live")
            let compared = try await object(["compare", "balances"])
            let comparison = try #require(compared as? [String: Any])
            #expect(comparison["equal"] as? Bool == true && comparison["live"] is [String: Any])
            let made = try await object(["rebuild", "usage"])
            let rebuilt = try #require(made as? [String: Any])
            #expect(rebuilt["equal"] as? Bool == true && rebuilt["epoch"] is NSNull)
        }
    }

    /// An own projection with the name of one of the gateway's would be followed with the gateway's tables.
    @Test func theNamesOfTheGatewaysProjectionsAreTaken() async throws {
        try await withGateway { gateway in
            let folder = "/tmp/projections-\(UUID().uuidString.prefix(13))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let new = await #expect(throws: CommandFailure.self) {
                try await gateway.command("projections", "new", "usage", "--folder", folder)
            }
            #expect(new?.output.contains("projection usage of its own") == true, "\(String(describing: new))")
            // Made by hand, it is named with both places by whatever has to do with it.
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: TestEnvironment.root + "/projections/usage", toPath: folder + "/usage")
            for command in [["list"], ["status"], ["follow", "--once"], ["rebuild", "usage"]] {
                let failure = await #expect(throws: CommandFailure.self, "\(command)") {
                    try await gateway.command(["projections"] + command + ["--folder", folder])
                }
                let text = failure?.output ?? ""
                #expect(text.contains("\(folder)/usage") && text.contains("/projections/usage and"), "\(command): \(text)")
            }
            // The gateway's own, come to by another way, are those that it has.
            let list = try await gateway.command("projections", "list")
            let twice = try await gateway.command(
                "projections", "list", "--folder", TestEnvironment.root + "/projections/../projections")
            #expect(twice == list)
        }
    }

    /// A script that waits for the end must hear that it never comes.
    @Test func followingOnceEndsWhereItCanNotGoOn() async throws {
        try await withGateway { gateway in
            let folder = "/tmp/projections-\(UUID().uuidString.prefix(13))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let follow = ["projections", "follow", "--folder", folder, "--once"]
            func refused(_ words: String) async {
                let failure = await #expect(throws: CommandFailure.self) { try await gateway.command(follow) }
                #expect(failure?.status == 1 && failure?.output.contains(words) == true, "\(String(describing: failure))")
            }
            try await gateway.command("projections", "new", "followed", "--folder", folder)
            try await gateway.command(follow)
            let file = folder + "/followed/projection.json"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            try text.replacing(#""version": 1"#, with: #""version": 2"#).write(toFile: file, atomically: true, encoding: .utf8)
            await refused("the tables of followed were made by another version of its folder; rebuild it")
            try await gateway.command("projections", "rebuild", "followed", "--folder", folder)
            try await gateway.command(follow)

            try await gateway.command("projections", "new", "unmade", "--folder", folder)
            let tables = folder + "/unmade/tables.sql"
            let made = try String(contentsOfFile: tables, encoding: .utf8)
            try (made + "\nCREATE TABLE odd (a no_such_type);\n").write(toFile: tables, atomically: true, encoding: .utf8)
            await refused("unmade halted: it can't be installed: type \"no_such_type\" does not exist")
        }
    }

    /// What was written down when it halted stands there until the first batch after it.
    @Test func followingOnceGetsOverAHaltThatWasMended() async throws {
        try await withGateway { gateway in
            let folder = "/tmp/projections-\(UUID().uuidString.prefix(13))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let follow = ["projections", "follow", "--folder", folder, "--once"]
            try await gateway.command("projections", "new", "mended", "--folder", folder)
            try await gateway.command(follow)
            let halt = "UPDATE projections.checkpoints SET halted = true, error = 'a right was lost' WHERE schema_name = 'mended'"
            try await runCommand(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", gateway.database.url, "-c", halt])
            _ = try await AcceptanceTests.shop(gateway)
            try await gateway.command(follow)
            let status = try await gateway.command("projections", "status", "--folder", folder)
            #expect(!status.contains("a right was lost"))
        }
    }

    @Test func theStatusOfACopyIsTheCopys() async throws {
        try await withGateway { gateway in
            _ = try await AcceptanceTests.shop(gateway)
            try await withTestDatabase { target in
                let environment = ["TARGET_DATABASE_URL": target]
                func run(_ arguments: String...) async throws -> String {
                    try await gateway.command(arguments, environment: environment)
                }
                _ = try await run("ledger", "copy")
                #expect(try await run("projections", "status", "--target") == "\n")
                _ = try await run("projections", "follow", "usage", "--target", "--once")
                let status = try await run("projections", "status", "--target").split(separator: "\n")
                #expect(status.count == 1 && status[0].hasPrefix("usage "))
                #expect(try await run("projections", "status").split(separator: "\n").count > 10)
            }
        }
    }

    private func rebuild(_ name: String, _ gateway: GatewayProcess) async throws -> Rebuilt {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            Rebuilt.self, from: Data(try await gateway.command("projections", "rebuild", name, "--json").utf8))
    }
}
