import Foundation
import TestSupport
import Testing

/// Real clients against a running gateway, one gateway for each test.
@Suite(.serialized) struct AcceptanceTests {
    private struct CreatedOrganization: Decodable { let organization: String }
    private struct CreatedProject: Decodable { let project: String }
    struct CreatedKey: Decodable { let key: String, token: String, project: String, organization: String }
    private struct Balance: Decodable { let credited: String, charged: String, balance: String, position: Int64 }

    /// A shop with credits: what a person does with four commands.
    static func shop(
        _ gateway: GatewayProcess, credits: String = "10", keyLimit: String? = nil, projectLimit: String? = nil,
        isPlain: Bool = false
    ) async throws -> CreatedKey {
        func decode<T: Decodable>(_ type: T.Type, _ text: String) throws -> T {
            try JSONDecoder().decode(type, from: Data(text.utf8))
        }
        let organization = try decode(
            CreatedOrganization.self,
            await gateway.command(["organizations", "create", "--name", "Test", "--json"] + (isPlain ? ["--plain"] : [])))
        try await gateway.command("credits", "grant", "--organization", organization.organization, "--amount", credits, "--json")
        let project = try decode(
            CreatedProject.self,
            await gateway.command("projects", "create", "--organization", organization.organization, "--name", "P", "--json"))
        let key = try decode(
            CreatedKey.self, await gateway.command("keys", "create", "--project", project.project, "--name", "K", "--json"))
        if let keyLimit {
            try await gateway.command("keys", "set-limit", "--key", key.key, "--usage-limit", keyLimit, "--json")
        }
        if let projectLimit {
            try await gateway.command("projects", "set-limit", "--project", key.project, "--usage-limit", projectLimit, "--json")
        }
        return key
    }

    private func balance(_ gateway: GatewayProcess, _ organization: String, _ view: String...) async throws -> Balance {
        let text =
            switch view.count {
            case 2: try await gateway.command("balance", "--organization", organization, view[0], view[1], "--json")
            default: try await gateway.command("balance", "--organization", organization, "--json")
            }
        return try JSONDecoder().decode(Balance.self, from: Data(text.utf8))
    }

    @Test func theOpenAISDKWorksAndIsCharged() async throws {
        try await withGateway { gateway in
            let key = try await Self.shop(gateway)
            let before = try await balance(gateway, key.organization)
            try await gateway.python("openai_sdk.py", [key.token])
            let after = try await balance(gateway, key.organization)
            #expect(before.balance == "10")
            #expect(after.charged != "0")
            #expect(try await balance(gateway, key.organization, "--position", "\(before.position)").balance == "10")
            let verified = try await gateway.command("ledger", "verify", "--json")
            #expect(verified.contains("\"head\":"))
        }
    }

    @Test func badInputIsRefusedByName() async throws {
        try await withGateway { gateway in
            let key = try await Self.shop(gateway)
            let printed = try await gateway.python("bad_input.py", [key.token])
            let refused = try JSONDecoder().decode(
                [String: Int].self, from: Data((printed.split(separator: "\n").last ?? "").utf8))
            // What is counted of a minute that has not ended is recorded at the end.
            await gateway.stop()
            struct Denial: Decodable {
                struct Fields: Decodable { let status: Int, count: Int }
                let data: Fields
            }
            var recorded: [String: Int] = [:]
            let denials = try await gateway.command("ledger", "events", "--type", "request.denied", "--json")
            for line in denials.split(separator: "\n") {
                let denial = try JSONDecoder().decode(Denial.self, from: Data(line.utf8)).data
                recorded["\(denial.status)", default: 0] += denial.count
            }
            #expect(recorded == refused)
            // The one that was answered, and nothing else, was held for and charged.
            let held = try await gateway.command("ledger", "events", "--type", "request.authorized", "--json")
            let charged = try await gateway.outcomes("request.completed").map(\.data.charged)
            #expect(held.split(separator: "\n").count == 1 && charged.count == 1)
            #expect(try await gateway.charged(key.organization) == charged.reduce(0, +) && charged.allSatisfy { $0 > 0 })
            try await gateway.command("ledger", "verify")
        }
    }

    @Test func refusalsOfKnownKeysAreFoundInTheLedger() async throws {
        try await withGateway { gateway in try await gateway.python("denials.py") }
    }

    @Test func connectionsKeepToTheProtocol() async throws {
        try await withGateway { gateway in
            let key = try await Self.shop(gateway)
            try await gateway.python("connections.py", [key.token])
        }
    }

    @Test func aDisabledKeyIsRefusedAtTheNextRequest() async throws {
        try await withGateway { gateway in
            let key = try await Self.shop(gateway)
            #expect(try await status(gateway, key.token) == "200")
            try await gateway.command("keys", "disable", "--key", key.key)
            #expect(try await status(gateway, key.token) == "401")
            try await gateway.command("keys", "enable", "--key", key.key)
            #expect(try await status(gateway, key.token) == "200")
        }
    }

    @Test func settingTheLimitsOfAKeyLiftsThoseThatAreLeftOut() async throws {
        try await withGateway { gateway in
            let shop = try await Self.shop(gateway)
            let create = ["keys", "create", "--project", shop.project, "--name", "L", "--json", "--period-usage-limit", "0"]
            // An amount without a period says nothing.
            await #expect(throws: CommandFailure.self) { try await gateway.command(create) }
            let created = try await gateway.command(
                create + ["--period-usage-duration-value", "1", "--period-usage-duration-unit", "day"])
            let key = try JSONDecoder().decode(CreatedKey.self, from: Data(created.utf8))
            #expect(try await status(gateway, key.token) == "402")
            try await gateway.command("keys", "set-limit", "--key", key.key, "--usage-limit", "1")
            #expect(try await status(gateway, key.token) == "200")
        }
    }

    @Test func theGatewayComesBackAfterKillAndItsBooksBalance() async throws {
        try await withGateway { gateway in
            let key = try await Self.shop(gateway)
            for _ in 0..<5 { #expect(try await status(gateway, key.token) == "200") }
            await gateway.kill()
            try await gateway.start()
            #expect(try await status(gateway, key.token) == "200")
            let balance = try await balance(gateway, key.organization)
            #expect(balance.charged != "0")
            _ = try await gateway.command("ledger", "verify")
        }
    }

    @Test func theManagementAPIIsOnTheSameListener() async throws {
        try await withGateway { gateway in
            func get(_ path: String) async throws -> String {
                try await runCommand(["curl", "-s", "-i", "-H", "cookie: better-auth.session_token=x", gateway.url + path])
            }
            let organizations = try await get("/orgs")
            #expect(organizations.hasPrefix("HTTP/1.1 401") && organizations.contains(#""error":true,"status":401"#))
            #expect(organizations.lowercased().contains("cache-control: no-store"))
            // What nobody knows stays an error of the OpenAI shape.
            let nowhere = try await get("/v1/nowhere")
            #expect(nowhere.hasPrefix("HTTP/1.1 404") && nowhere.contains(#""error":{"#))
        }
    }

    private func status(_ gateway: GatewayProcess, _ token: String) async throws -> String {
        try await runCommand([
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", gateway.url + "/v1/chat/completions", "-H",
            "Authorization: Bearer \(token)", "-d", #"{"model":"echo","messages":[{"role":"user","content":"hi"}]}"#,
        ])
    }
}
