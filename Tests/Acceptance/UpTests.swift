import Foundation
import TestSupport
import Testing

/// `tools/up` and `tools/down` as a person runs them, in a checkout of the test's own whose build is there already.
@Suite(.serialized, .timeLimit(.minutes(5))) struct UpTests {
    /// What `tools/up` says when it serves.
    private struct Said {
        let url: String, key: String, curl: String

        /// - Returns: nil while it has not said all.
        init?(_ text: String) {
            func line(_ prefix: String) -> String? {
                text.split(separator: "\n").first { $0.hasPrefix(prefix) }.map(String.init)
            }
            guard let ready = line("ready "), let key = line("key llmgtwy_"), let curl = line("curl "), text.hasSuffix("\n")
            else { return nil }
            (url, self.key, self.curl) = (String(ready.dropFirst(6)), String(key.dropFirst(4)), curl)
        }
    }

    @Test func oneCommandServesInTheForegroundUntilItIsInterrupted() async throws {
        try await Self.withCheckout { checkout in
            let log = checkout.folder + "/log"
            // Who started the tests may have said that interrupts are to be ignored, and a shell keeps to that.
            let up = try ChildProcess(
                "env", ["--default-signal=INT", checkout.folder + "/tools/up"], environment: checkout.environment, output: log)
            var said: Said?
            let limit = ContinuousClock.now + .seconds(120)
            while said == nil {
                let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                guard up.isRunning, ContinuousClock.now < limit else {
                    await up.end(SIGTERM)
                    throw ChildProcess.Failure(description: "tools/up did not serve: \(text.suffix(2000))")
                }
                said = Said(text)
                try await Task.sleep(for: .milliseconds(20))
            }
            let url = try #require(said?.url)
            #expect(url == "http://127.0.0.1:\(checkout.port)")
            try await Self.expectAnswer(to: try #require(said?.curl))
            let second = await #expect(throws: CommandFailure.self) { try await checkout.run("up") }
            #expect(second?.output.contains("another tools/up uses") == true, "\(String(describing: second))")
            let status = await up.end(SIGINT, within: .seconds(150))
            #expect(status >> 8 == 130)
            await Self.expectNothing(of: checkout, at: url)
        }
    }

    @Test func detachedItServesUntilToolsDown() async throws {
        try await Self.withCheckout { checkout in
            let printed = try await checkout.run("up", "--detach")
            #expect(printed.split(separator: "\n").count == 3, "\(printed)")
            let said = try #require(Said(printed))
            try await Self.expectAnswer(to: said.curl)
            let second = await #expect(throws: CommandFailure.self) { try await checkout.run("up", "--detach") }
            #expect(second?.output.contains("already running as process") == true, "\(String(describing: second))")
            try await Self.expectAnswer(to: said.curl)
            try await checkout.run("down")
            await Self.expectNothing(of: checkout, at: said.url)
            // What was there is there again, and the key is still good.
            let again = try #require(Said(try await checkout.run("up", "--detach")))
            #expect(again.key == said.key)
            try await Self.expectAnswer(to: said.curl)
            try await checkout.run("down")
            try await checkout.run("down")
            await Self.expectNothing(of: checkout, at: said.url)
            // Each time it looked whether there is something to build.
            let built = try String(contentsOfFile: checkout.folder + "/built", encoding: .utf8).split(separator: "\n")
            #expect(built.count == 2 && built.allSatisfy { $0.contains("build -c release --product llmgateway") }, "\(built)")
        }
    }

    // MARK: -

    /// The line that was printed is one to paste.
    private static func expectAnswer(to curl: String) async throws {
        let answer = try await runCommand(["sh", "-c", curl.replacing("curl ", with: "curl -sSf -m 60 ", maxReplacements: 1)])
        #expect(answer.contains("chat.completion"), "\(answer)")
    }

    private static func expectNothing(of checkout: Checkout, at url: String) async {
        await #expect(throws: CommandFailure.self) { try await runCommand(["curl", "-sS", "-m", "10", url + "/"]) }
        for file in ["gateway.pid", "servers/run/.s.PGSQL.5432", "servers/run/redis.sock"] {
            #expect(!FileManager.default.fileExists(atPath: checkout.home + "/" + file), "\(file) is left")
        }
    }

    private struct Checkout {
        let folder: String
        let port: Int

        var home: String { folder + "/home" }

        /// Neither a person's servers and settings, nor a compiler: it would wait for the one that runs the tests.
        var environment: [String: String] {
            var environment = [
                "PATH": folder + "/bin:" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"),
                "LLMGATEWAY_HOME": home, "LLMGATEWAY_PORT": "\(port)", "LLMGATEWAY_HOST": "",
            ]
            for name in ["DATABASE_URL", "MIGRATION_DATABASE_URL", "PROJECTOR_DATABASE_URL", "REDIS_URL"] {
                environment[name] = ""
            }
            return environment
        }

        @discardableResult
        func run(_ tool: String, _ arguments: String...) async throws -> String {
            try await runCommand(["\(folder)/tools/\(tool)"] + arguments, environment: environment, limit: 150)
        }
    }

    private static func withCheckout(_ body: (Checkout) async throws -> Void) async throws {
        let checkout = Checkout(folder: "/tmp/up-\(UUID().uuidString.prefix(13))", port: try freePort())
        let files = FileManager.default
        for folder in ["bin", ".build/release"] {
            try files.createDirectory(atPath: "\(checkout.folder)/\(folder)", withIntermediateDirectories: true)
        }
        for name in ["Sources", "schema", "projections"] {
            try files.createSymbolicLink(
                atPath: "\(checkout.folder)/\(name)", withDestinationPath: "\(TestEnvironment.root)/\(name)")
        }
        try files.createSymbolicLink(
            atPath: checkout.folder + "/.build/release/llmgateway", withDestinationPath: GatewayProcess.executable)
        // A shell writes the programs: a child that another test starts would keep them open, and then they can't be executed.
        let programs = """
            cp -r "$1/tools" "$2/tools"
            printf '#!/bin/sh\necho "$*" >>%s/built\n' "$2" >"$2/bin/swift"
            chmod 755 "$2/bin/swift"
            """
        try await runCommand(["sh", "-euc", programs, "sh", TestEnvironment.root, checkout.folder])
        var failure: (any Error)?
        do { try await body(checkout) } catch { failure = error }
        // Also where the test has failed in between.
        _ = try? await checkout.run("down")
        try? files.removeItem(atPath: checkout.folder)
        if let failure { throw failure }
    }
}
