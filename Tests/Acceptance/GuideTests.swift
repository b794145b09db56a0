import Foundation
import TestSupport
import Testing

/// The guide for analysts in projections/README.md, as it stands there.
@Suite struct GuideTests {
    @Test func everyCommandOfTheGuideWorks() async throws {
        let readme = try String(contentsOfFile: TestEnvironment.root + "/projections/README.md", encoding: .utf8)
        let blocks = readme.components(separatedBy: "```sh guide\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
        #expect(blocks.count == 5)
        // Roles and databases belong to the whole server, which other tests share.
        let suffix = String(UUID().uuidString.prefix(8).lowercased())
        // Of what must fail, a shell only notes that it did not.
        let guide = blocks.joined(separator: "\n").replacing(/\b(ana|analytics)\b/) { "\($0.output.1)_\(suffix)" }
            // Of what must fail, a shell only notes that it did not.
            .replacing(/(?m)^! (.*)$/) { "if \($0.output.1); then exit 9; fi" }
        try await withGateway { gateway in
            try await LedgerDatabase.with(url: gateway.database.url) { ledger in
                var generator = HistoryGenerator(seed: TestEnvironment.seed("analysts"))
                try await ledger.append(try generator.events(atLeast: 1_500))
            }
            let folder = gateway.home + "/guide"
            try FileManager.default.createDirectory(atPath: folder + "/tools", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/projections", withDestinationPath: TestEnvironment.root + "/projections")
            // What tools/llmgateway and tools/psql do, but for the servers, which are the test's.
            let opening = """
                set -eu
                cd "$(dirname "$0")"
                printf '#!/bin/sh\\nexec "$LLMGATEWAY_EXECUTABLE" "$@"\\n' >tools/llmgateway
                cat >tools/psql <<'END'
                #!/bin/bash
                if [ "$1" = --url ]; then printf '%s\\n' "$MIGRATION_DATABASE_URL" | sed -E "s#^([a-z]+://[^/]*/)[^?]*#\\1$2#"; exit; fi
                exec psql --no-psqlrc --set ON_ERROR_STOP=1 --dbname "$MIGRATION_DATABASE_URL" "$@"
                END
                chmod +x tools/llmgateway tools/psql
                trap 'psql -q "$MIGRATION_DATABASE_URL" -c "DROP DATABASE IF EXISTS analytics_\(suffix)" -c "DROP ROLE IF EXISTS ana_\(suffix)"' EXIT

                """
            try (opening + guide).write(toFile: folder + "/guide.sh", atomically: true, encoding: .utf8)
            let output = try await gateway.shell(folder + "/guide.sh")
            #expect(output.contains("revenue_by_model at "))
            #expect(output.contains("equal"))
            #expect(output.contains("request.completed"))
            #expect(output.contains("daily_margin rebuilt"))
            #expect(output.contains("the copy has "))
        }
    }
}
