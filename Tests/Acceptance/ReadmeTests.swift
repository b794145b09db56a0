import Foundation
import TestSupport
import Testing

/// The README's tour, as it stands there, against a gateway of the test's own.
@Suite struct ReadmeTests {
    @Test func everyCommandOfTheTourWorks() async throws {
        let readme = try String(contentsOfFile: TestEnvironment.root + "/README.md", encoding: .utf8)
        let begin = try #require(readme.firstRange(of: "```sh tour\n"))
        let end = try #require(readme[begin.upperBound...].firstRange(of: "```"))
        let tour = String(readme[begin.upperBound..<end.lowerBound])
        #expect(tour.components(separatedBy: "tools/llmgateway").count > 10)
        try await withGateway { gateway in
            let folder = gateway.home + "/tour"
            try FileManager.default.createDirectory(atPath: folder + "/tools", withIntermediateDirectories: true)
            // The shell writes the program: a child that another test starts would keep it open, and then it can't be executed.
            let opening = """
                set -eu
                cd "$(dirname "$0")"
                printf '#!/bin/sh\\nexec "$LLMGATEWAY_EXECUTABLE" "$@"\\n' >tools/llmgateway
                chmod +x tools/llmgateway

                """
            try (opening + tour).write(toFile: folder + "/tour.sh", atomically: true, encoding: .utf8)
            let output = try await gateway.shell(folder + "/tour.sh")
            #expect(output.contains("\"content\":\"Hello\""))
            #expect(output.contains("balance  5 USD"))
            #expect(output.contains("healthy"))
            #expect(output.contains("request.completed"))
        }
    }

    @Test func theTwoCommandsAreThere() {
        for name in ["up", "down", "test", "llmgateway"] {
            #expect(FileManager.default.isExecutableFile(atPath: TestEnvironment.root + "/tools/" + name), "tools/\(name)")
        }
    }

    @Test func theLastWhoUsesThePrivateServersStopsThem() async throws {
        let root = TestEnvironment.root
        #expect(try await runCommand(["bash", root + "/Tests/Acceptance/servers.sh", root]) == "fine\n")
    }

    /// Whatever setting is added: what the scripts start for themselves must not meet that of the person who runs them.
    @Test func theScriptsForgetEverySettingOfAPerson() async throws {
        let script = """
            source "$1/tools/lib/script.sh"
            keys=$(grep -hoE '"[a-z]+([.][a-z]+)+"' "$1"/Sources/llmgateway/Support/*Settings.swift | tr -d '"' | sort -u)
            [ "$(wc -w <<<"$keys")" -gt 40 ] || die "the settings are read elsewhere"
            for name in $(tr .a-z _A-Z <<<"$keys") OIDC_CORP_ISSUER LLM_OPENAI_API_KEY ROUTING_WEIGHT_PRICE PGHOST; do
                export "$name=theirs"
            done
            forget_settings LLMGATEWAY_HOME
            env | sed -n 's/=theirs$//p'
            """
        #expect(try await runCommand(["bash", "-c", script, "bash", TestEnvironment.root]) == "LLMGATEWAY_HOME\n")
    }
}
