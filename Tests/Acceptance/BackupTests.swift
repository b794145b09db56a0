import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct BackupTests {
    /// The README's commands as they stand there, from a gateway that serves to a server that has never seen a ledger.
    @Test func aRestoredLedgerIsWholeAndServes() async throws {
        let folder = "/tmp/backup-\(UUID().uuidString.prefix(13))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/tools", withIntermediateDirectories: true)
        try await PostgresServer.with(settings: ["max_connections": "100"]) { origin in
            _ = try await Self.givePassword("of the origin", to: origin)
            try await withGateway(server: origin.url) { gateway in try await Self.moveElsewhere(gateway, folder) }
        }
    }

    private static func moveElsewhere(_ gateway: GatewayProcess, _ folder: String) async throws {
        let key = try await AcceptanceTests.shop(gateway)
        #expect(try await Self.chat(gateway.url, key.token) == "200")
        _ = try await gateway.outcomes("request.completed", count: 1)
        try await gateway.command("ledger", "seal")
        _ = try await Self.run("backup", in: folder, [:], gateway)

        try await PostgresServer.with { server in
            let password = try await Self.givePassword("of the other", to: server)
            let restored = GatewayProcess.environment(of: server.url(database: "llmgateway"), home: folder + "/restored")
            let exports = restored.merging(["SERVER": server.url, "OWNER": "postgres"]) { _, given in given }
            let output = try await Self.run("restore", in: folder, exports, gateway)
            let kept = try await Self.password(server)
            #expect(kept == password)
            #expect(output.contains(", 0 migrations applied"))
            #expect(output.contains("events verified, sealed to "))
            #expect(output.contains("usage rebuilt to ") && output.contains("equal to the live one"))
            let setting = ["psql", "-qXAt", "-d", server.url(database: "llmgateway"), "-c", "SHOW backend_flush_after"]
            #expect(try await runCommand(setting) == "512kB\n")
            let compared = try await gateway.command(["projections", "compare", "balances"], environment: restored)
            #expect(compared.contains(": equal"))

            let redis = try await RedisServer()
            do {
                let other = restored.merging(["REDIS_URL": redis.url]) { _, given in given }
                try await gateway.withAnother(environment: other) { url in
                    // Redis begins empty.
                    try await eventually("it serves") { try await Self.chat(url, key.token) == "200" }
                    #expect(try !Self.warns(gateway))
                }
            } catch {
                await redis.tearDown()
                throw error
            }
            await redis.tearDown()
        }
    }

    /// What the server has of its superuser's password afterwards.
    private static func givePassword(_ password: String, to server: PostgresServer) async throws -> String {
        try await runCommand(["psql", "-qX", "-d", server.url, "-c", "ALTER ROLE postgres PASSWORD '\(password)'"])
        return try await Self.password(server)
    }

    private static func password(_ server: PostgresServer) async throws -> String {
        let query = "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'"
        return try await runCommand(["psql", "-qXAt", "-d", server.url, "-c", query])
    }

    /// What only the next upgrade would need is missed at once.
    @Test func aProjectorThatMayNotRebuildIsToldOf() async throws {
        try await withGateway { gateway in
            let revoke = "REVOKE CREATE ON DATABASE \"\(gateway.database.name)\" FROM llmgateway_projector"
            try await runCommand(["psql", "-qX", "-d", gateway.database.url, "-c", revoke])
            try await gateway.withAnother { _ in
                let warns = try Self.warns(gateway)
                #expect(warns)
            }
            #expect(try await gateway.command("migrate").contains(", 0 migrations applied"))
            try await gateway.withAnother { _ in
                let warns = try Self.warns(gateway)
                #expect(!warns)
            }
        }
    }

    /// Runs a block of the README in a folder where `tools/llmgateway` is the executable.
    private static func run(
        _ block: String, in folder: String, _ environment: [String: String], _ gateway: GatewayProcess
    ) async throws -> String {
        let readme = try String(contentsOfFile: TestEnvironment.root + "/README.md", encoding: .utf8)
        let begin = try #require(readme.firstRange(of: "```sh \(block)\n"))
        let end = try #require(readme[begin.upperBound...].firstRange(of: "```"))
        let exports = environment.sorted { $0.key < $1.key }.map { "export \($0.key)='\($0.value)'\n" }.joined()
        // The shell writes the program, as in the test of the tour.
        let opening = """
            set -eu
            cd "$(dirname "$0")"
            \(exports)mkdir -p "$LLMGATEWAY_HOME"
            printf '#!/bin/sh\\nexec "$LLMGATEWAY_EXECUTABLE" "$@"\\n' >tools/llmgateway
            chmod +x tools/llmgateway

            """
        let script = folder + "/\(block).sh"
        let commands = String(readme[begin.upperBound..<end.lowerBound])
        try (opening + commands).write(toFile: script, atomically: true, encoding: .utf8)
        return try await gateway.shell(script)
    }

    /// Whether the second gateway said that no read model can be rebuilt.
    private static func warns(_ gateway: GatewayProcess) throws -> Bool {
        try String(contentsOfFile: gateway.home + "-other/gateway.log", encoding: .utf8).contains("no read model can be rebuilt")
    }

    private static func chat(_ url: String, _ token: String) async throws -> String {
        try await runCommand([
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url + "/v1/chat/completions", "-H",
            "Authorization: Bearer \(token)", "-d", #"{"model": "echo", "messages": [{"role": "user", "content": "a"}]}"#,
        ])
    }
}
