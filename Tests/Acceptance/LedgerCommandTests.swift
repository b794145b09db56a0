import Foundation
import TestSupport
import Testing

/// `llmgateway ledger events | export | seal | verify`, as an operator and an auditor use them, beside a gateway that serves.
@Suite struct LedgerCommandTests {
    private struct Event: Decodable {
        let position: Int
        let stream: String
        let type: String
        let organization: String?
        let recordedAt: String
    }

    private static func events(_ gateway: GatewayProcess, _ arguments: [String] = []) async throws -> [Event] {
        try await gateway.command(["ledger", "events", "--json"] + arguments).split(separator: "\n").map {
            try JSONDecoder().decode(Event.self, from: Data($0.utf8))
        }
    }

    /// Two shops, and a request of the first with an id of the client's own.
    private static func fill(_ gateway: GatewayProcess) async throws -> (
        one: AcceptanceTests.CreatedKey, other: AcceptanceTests.CreatedKey
    ) {
        let one = try await AcceptanceTests.shop(gateway)
        let other = try await AcceptanceTests.shop(gateway, credits: "3")
        let body = #"{"model": "echo", "messages": [{"role": "user", "content": "größer \"als\" \\ nichts 🚀"}]}"#
        for id in ["first", "it's-2"] {
            try await runCommand([
                "curl", "-sSf", gateway.url + "/v1/chat/completions", "-H", "Authorization: Bearer \(one.token)", "-H",
                "x-request-id: \(id)", "-d", body,
            ])
        }
        return (one, other)
    }

    @Test func eventsAreFiltered() async throws {
        try await withGateway { gateway in
            let (one, other) = try await Self.fill(gateway)
            let all = try await Self.events(gateway)
            #expect(all.map(\.position) == Array(1...all.count))
            let request = try #require(all.last { $0.type == "request.completed" })
            let times = all.map(\.recordedAt)
            for (arguments, expected) in [
                (["--organization", one.organization], all.filter { $0.organization == one.organization }),
                (
                    ["--organization", other.organization, "--type", "credit.granted"],
                    all.filter { $0.organization == other.organization && $0.type == "credit.granted" }
                ),
                (
                    ["--type", "credit.granted", "--type", "project.created"],
                    all.filter { ["credit.granted", "project.created"].contains($0.type) }
                ),
                (["--stream", request.stream], all.filter { $0.stream == request.stream }),
                (["--after", "3", "--up-to", "5"], Array(all[3...4])),
                (["--after", "3", "--limit", "2"], Array(all[3...4])),
                (["--from", times[3], "--to", times[5]], Array(all[3...5])),
            ] {
                let found = try await Self.events(gateway, arguments)
                #expect(found.map(\.position) == expected.map(\.position), "\(arguments)")
                #expect(!expected.isEmpty && expected.count < all.count, "\(arguments) select some")
            }
            // The denial, authorization or outcome that the client's id stands in is found, the later events of its stream are not.
            let mine = try await Self.events(gateway, ["--client-request-id", "it's-2"])
            #expect(!mine.isEmpty && mine.allSatisfy { $0.stream == request.stream })
            #expect(try await Self.events(gateway, ["--client-request-id", "it's"]).isEmpty)
            let text = try await gateway.command("ledger", "events", "--stream", request.stream)
            #expect(text.contains(request.stream) && text.contains("request.completed") && !text.contains("\"content\""))
        }
    }

    /// Before anything is connected to.
    @Test(arguments: [
        ("events", "--stream", "request/none"), ("events", "--organization", "key_0"), ("events", "--after", "x"),
        ("events", "--from", "yesterday"), ("events", "--limit", "0"), ("events", "--limit", "1000001"),
        ("export", "--format", "xml"), ("export", "--up-to", "1.5"),
    ]) func whatCanNotBeMeantIsRefusedByName(_ command: String, _ option: String, _ value: String) async throws {
        let failure = await #expect(throws: CommandFailure.self) {
            try await runCommand([GatewayProcess.executable, "ledger", command, option, value])
        }
        #expect(failure?.status == 64 && failure?.output.contains(option) ?? false, "\(String(describing: failure))")
    }

    /// Whoever has the export, the seals and schema/README.md can recompute it all, in another language.
    @Test func anExportAndItsSealsAreRecomputedInPython() async throws {
        try await withGateway { gateway in
            let (one, _) = try await Self.fill(gateway)
            try await gateway.command("ledger", "seal")
            try await gateway.command("credits", "grant", "--organization", one.organization, "--amount", "1")
            struct Seal: Decodable { let from: Int, to: Int }
            struct Report: Decodable {
                let head: Int, sealedTo: Int, unsealedTail: Int, fault: String?, isProtected: Bool, sealedProtected: Bool
            }
            let sound = try await gateway.command("ledger", "verify", "--json")
            #expect(sound.contains(#""fault":null,"faultPosition":null,"#), "\(sound)")
            let before = try JSONDecoder().decode(Report.self, from: Data(sound.utf8))
            #expect(before.fault == nil && before.unsealedTail == 1 && before.isProtected && before.sealedProtected)
            let seals = try JSONDecoder().decode(
                [Seal].self, from: Data(try await gateway.command("ledger", "seal", "--json").utf8))
            #expect(seals.map(\.from) == [before.head] && seals.map(\.to) == [before.head])
            #expect(try await gateway.command("ledger", "seal") == "nothing new to seal\n")
            let verified = try await gateway.command("ledger", "verify")
            #expect(verified == "\(before.head) events verified, sealed to \(before.head), unsealed tail 0\n")

            let export = gateway.home + "/ledger.jsonl"
            try await gateway.command("ledger", "export").write(toFile: export, atomically: true, encoding: .utf8)
            let folder = gateway.home + "/seals/"
            let file = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
            let answer = try await gateway.python("recompute_seals.py", [export, folder + file]).split(
                whereSeparator: \.isWhitespace)
            #expect(Int(answer[0]) == before.head && (Int(answer[2]) ?? 0) >= 2)
            // A part continues from the hash that it names.
            try await gateway.command("ledger", "export", "--after", "4").write(
                toFile: export, atomically: true, encoding: .utf8)
            let part = try await gateway.python("recompute.py", [export]).split(whereSeparator: \.isWhitespace)
            #expect(Int(part[0]) == before.head - 4 && part[1] == answer[1])
            // And one changed letter does not pass.
            let text = try String(contentsOfFile: export, encoding: .utf8)
            try text.replacing("credit.granted", with: "credit.grantee", maxReplacements: 1).write(
                toFile: export, atomically: true, encoding: .utf8)
            await #expect(throws: CommandFailure.self) { try await gateway.python("recompute.py", [export]) }
            let filtered = try await gateway.command("ledger", "export", "--type", "credit.granted")
            #expect(filtered.split(separator: "\n").count == 4 && filtered.contains(#""filtered":true"#))
        }
    }

    /// Half an export must not pass for a whole one.
    @Test func whatCanNotBeWrittenIsAFailure() async throws {
        try await withGateway { gateway in
            let (one, _) = try await Self.fill(gateway)
            let environment = GatewayProcess.environment(of: gateway.database.url, home: gateway.home).merging([
                "REDIS_URL": gateway.redis.url
            ]) { _, given in given }
            let statement = ["statement", "--organization", one.organization]
            for arguments in [
                ["ledger", "export"], ["ledger", "export", "--format", "csv"], ["ledger", "events"], statement,
                statement + ["--csv"], statement + ["--json"], ["balance", "--organization", one.organization],
            ] {
                let failure = await #expect(throws: CommandFailure.self, "\(arguments)") {
                    try await runCommand(
                        ["sh", "-c", "exec \"$@\" >/dev/full", "sh", GatewayProcess.executable] + arguments,
                        environment: environment)
                }
                #expect(failure?.status == 1, "\(arguments)")
                let said = failure?.output ?? ""
                #expect(said.hasSuffix("Error: write standard output: No space left on device\n"), "\(arguments): \(said)")
                // What it had begun ends with it, and that is nothing to be told of.
                #expect(!said.contains(" warning "), "\(arguments): \(said)")
            }
        }
    }
}
