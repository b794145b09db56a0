import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct StartTests {
    /// What `serve` prints when it does not start.
    private func refusal(_ gateway: GatewayProcess, _ arguments: [String] = [], _ environment: [String: String] = [:])
        async throws
        -> String
    {
        do {
            try await gateway.command(["serve"] + arguments, environment: environment)
            Issue.record("serve ended in good order")
            return ""
        } catch let failure as CommandFailure {
            #expect(failure.status == 1)
            return failure.output
        }
    }

    @Test func aTakenPortIsOneClearLine() async throws {
        try await withGateway { gateway in
            let change = "choose another with --port, LLMGATEWAY_PORT or LLMGATEWAY_HOST"
            let taken = try await refusal(gateway)
            #expect(
                taken == "Error: can't listen on 127.0.0.1, port \(gateway.port): another program listens there; \(change)\n")
            let foreign = try await refusal(gateway, ["--port", "0"], ["LLMGATEWAY_HOST": "203.0.113.1"])
            #expect(
                foreign == "Error: can't listen on 203.0.113.1, port 0: this machine has no such address; \(change)\n")
            let unknown = try await refusal(gateway, ["--port", "0"], ["LLMGATEWAY_HOST": "nowhere.invalid"])
            #expect(unknown == "Error: can't listen on nowhere.invalid, port 0: the host is not known; \(change)\n")
            let home = try await refusal(gateway, ["--port", "0"])
            #expect(
                home
                    == "Error: another llmgateway serve uses \(gateway.home); each needs a folder of its own in LLMGATEWAY_HOME\n"
            )
            // The one that listens there goes on.
            #expect(try await health(of: gateway.url) == "200")
        }
    }

    /// What no waiting mends is one line and comes at once.
    @Test func aDatabaseThatLetsNobodyInIsOneClearLine() async throws {
        try await withGateway { gateway in
            let missing = TestDatabase.url(gateway.database.url, database: "no_such_database")
            let strange = gateway.database.url.replacing(/user=[^&]*/, with: "user=no_such_role")
            let balance = ["balance", "--organization", try await AcceptanceTests.shop(gateway).organization]
            let grant: [String] = ["credits", "grant", "--amount", "1"] + balance.dropFirst()
            let commands: [(arguments: [String], environment: [String: String], says: String)] = [
                (balance, ["DATABASE_URL": missing], "SQLSTATE 3D000"),
                (grant, ["DATABASE_URL": strange], "SQLSTATE 28000"),
                (["projections", "status"], ["PROJECTOR_DATABASE_URL": missing], "SQLSTATE 3D000"),
                (["ledger", "events"], ["DATABASE_URL": strange], "SQLSTATE 28000"),
                (["serve", "--port", "0"], ["PROJECTOR_DATABASE_URL": strange], "PROJECTOR_DATABASE_URL"),
            ]
            for command in commands {
                // The pool waits 5 s for a server that is away, each time; a busy machine may need as long now and then.
                var shortest = Duration.seconds(3_600)
                for _ in 0..<3 where shortest >= .seconds(4) {
                    let began = ContinuousClock.now
                    let failure = await #expect(throws: CommandFailure.self, "\(command.arguments)") {
                        try await gateway.command(command.arguments, environment: command.environment)
                    }
                    let said = failure?.output ?? ""
                    #expect(failure?.status == 1 && said.contains(command.says), "\(command.arguments): \(said)")
                    #expect(said.hasPrefix("Error: ") && said.split(separator: "\n").count == 1, "\(command.arguments): \(said)")
                    shortest = min(shortest, began.duration(to: .now))
                }
                #expect(shortest < .seconds(4), "\(command.arguments)")
            }
            // What is started with the machine may be earlier than what Postgres itself waits for.
            let waited = try await refusal(gateway, ["--port", "0"], ["DATABASE_URL": missing])
            #expect(waited.split(separator: "\n").last?.contains("SQLSTATE 3D000") == true, "\(waited)")
            try await withTestDatabase { empty in
                let environment = GatewayProcess.environment(of: empty, home: gateway.home + "/unmigrated")
                let said = try await refusal(gateway, ["--port", "0"], environment)
                #expect(said.hasPrefix("Error: ") && said.contains("run `llmgateway migrate` first"), "\(said)")
                #expect(said.split(separator: "\n").count == 1, "\(said)")
                for command in [balance, grant] {
                    let failure = await #expect(throws: CommandFailure.self, "\(command)") {
                        try await gateway.command(command, environment: environment)
                    }
                    #expect(
                        failure?.output == "Error: The database holds no ledger yet: run `llmgateway migrate` first.\n",
                        "\(String(describing: failure))")
                }
            }
        }
    }

    @Test func whatAPersonMustChangeIsSaidInWords() async throws {
        try await withGateway { gateway in
            let file = gateway.home + "/a-file"
            try "".write(toFile: file, atomically: true, encoding: .utf8)
            let home = try await refusal(gateway, ["--port", "0"], ["LLMGATEWAY_HOME": file])
            #expect(home == "Error: LLMGATEWAY_HOME can't be used: mkdir \(file)/seals: Not a directory\n")
            let stripe = await #expect(throws: CommandFailure.self) {
                try await gateway.command(["reconcile", "stripe", "--from", "2026-01-01T00:00:00Z"])
            }
            let said = stripe?.output ?? ""
            #expect(stripe?.status == 1 && said.hasPrefix("Error: ") && !said.contains("WebError"), "\(said)")
        }
    }

    /// A word that is not understood would pass for the one that protects less.
    @Test func settingsOfPeopleThatAreNotUnderstoodAreNamed() async throws {
        let provider = [
            "OIDC_PROVIDERS": "my-corp", "OIDC_MY_CORP_ISSUER": "https://id.example", "OIDC_MY_CORP_CLIENT_ID": "a",
            "OIDC_MY_CORP_CLIENT_SECRET": "b", "OIDC_MY_CORP_TRUST_EMAIL": "no",
        ]
        let pair = "GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET must both be set, or neither"
        let refused: [(environment: [String: String], message: String)] = [
            (["REQUIRE_EMAIL_VERIFICATION": "1"], "REQUIRE_EMAIL_VERIFICATION must be true or false"),
            (["PASSKEY_USER_VERIFICATION": "true"], "PASSKEY_USER_VERIFICATION must be required or preferred"),
            (["GITHUB_CLIENT_ID": "a"], pair), (["GITHUB_CLIENT_SECRET": "a", "GITHUB_CLIENT_ID": ""], pair),
            (provider, "OIDC_MY_CORP_TRUST_EMAIL must be true or false"),
        ]
        try await withGateway { gateway in
            for setting in refused {
                let said = try await refusal(gateway, ["--port", "0"], setting.environment)
                #expect(said == "Error: \(setting.message)\n")
            }
        }
    }

    /// A role that could change recorded events serves only where somebody said so, and everybody can see it.
    @Test func anUnprotectedLedgerIsServedOnlyWhenAskedForAndSaysSo() async throws {
        try await withGateway { gateway in
            let superuser = ["DATABASE_URL": gateway.database.url]
            let said = try await refusal(
                gateway, ["--port", "0"], superuser.merging(["LLMGATEWAY_HOME": gateway.home + "/unprotected"]) { _, own in own })
            #expect(said.contains("could change recorded events") && said.contains("--unprotected-ledger"), "\(said)")
            try await gateway.withAnother(environment: superuser, arguments: ["--unprotected-ledger"]) { url in
                #expect(try await health(of: url) == "200")
                #expect(try await runCommand(["curl", "-s", url + "/"]).contains(#""ledger":{"protected":false,"#))
                let metrics = try await runCommand(["curl", "-s", url + "/metrics"])
                #expect(metrics.contains("llmgateway_ledger_protected 0\n"))
            }
            #expect(try await runCommand(["curl", "-s", gateway.url + "/"]).contains(#""ledger":{"protected":true,"#))
        }
    }

    private static let hasIPv6 =
        (try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8))?.contains(String(repeating: "0", count: 31) + "1")
        ?? false

    @Test(.enabled(if: hasIPv6)) func anIPv6AddressIsToldInBrackets() async throws {
        try await withGateway { gateway in
            try await gateway.withAnother(environment: ["LLMGATEWAY_HOST": "::1"]) { url in
                let told = url.replacing("127.0.0.1", with: "[::1]")
                let log = try String(contentsOfFile: gateway.home + "-other/gateway.log", encoding: .utf8)
                #expect(log.contains("ready \(told)\n"))
                #expect(try await health(of: told) == "200")
            }
        }
    }

    /// Whoever sends requests to several gateways sends none to one that would refuse them all.
    @Test func aGatewayWhoseRedisWasReplacedIsNotHealthy() async throws {
        try await withGateway { gateway in
            let redis = try await RedisServer()
            var failure: (any Error)?
            do {
                try await gateway.withAnother(environment: ["REDIS_URL": redis.url]) { url in
                    try await eventually("the other Redis is noticed") {
                        try await runCommand(["curl", "-s", gateway.url + "/"]).contains(
                            #""redis":{"connected":false,"error":"Replaced by another Redis"}"#)
                    }
                    #expect(try await health(of: gateway.url) == "503")
                    #expect(try await health(of: url) == "200")
                }
            } catch { failure = error }
            await redis.tearDown()
            if let failure { throw failure }
        }
    }

    private func health(of url: String) async throws -> String {
        try await runCommand(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url + "/"])
    }

    @Test func withoutBooksLimitsHoldAndNothingIsRecorded() async throws {
        try await withGateway { gateway in
            let refused = try await refusal(
                gateway, ["--port", "0", "--measure-without-books"], ["LLMGATEWAY_HOST": "0.0.0.0"])
            #expect(refused.contains("--measure-without-books gives answers away: it needs LLMGATEWAY_HOST=127.0.0.1"))
            let rich = try await AcceptanceTests.shop(gateway, credits: "0.001")
            let poor = try await AcceptanceTests.shop(gateway, credits: "0.000000001")
            try await gateway.withAnother(arguments: ["--measure-without-books"]) { url in
                let health = try await runCommand(["curl", "-s", url + "/"])
                #expect(health.contains("without books: nothing is charged"))
                // Far more than the credits, one after the other: each hold is given back.
                for _ in 0..<40 { #expect(try await status(of: url, token: rich.token, words: 500) == "200") }
                #expect(try await status(of: url, token: poor.token, words: 500) == "402")
            }
            let balance = try await gateway.balance(rich.organization)
            #expect(balance.charged == "0" && balance.balance == balance.credited)
            for type in ["request.authorized", "request.completed"] {
                #expect(try await gateway.command("ledger", "events", "--type", type, "--json") == "")
            }
            // The one that keeps them goes on.
            #expect(try await status(of: gateway.url, token: rich.token, words: 5) == "200")
            let kept = try await gateway.outcomes("request.completed", count: 1)
            #expect(kept.count == 1)
        }
    }

    /// The HTTP status of a completion by the built-in provider.
    private func status(of url: String, token: String, words: Int) async throws -> String {
        let text = String(repeating: "word ", count: words)
        let body = #"{"model":"echo","messages":[{"role":"user","content":"\#(text)"}],"max_tokens":16}"#
        return try await runCommand([
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer " + token, "-d", body,
            url + "/v1/chat/completions",
        ])
    }
}
