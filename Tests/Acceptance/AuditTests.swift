import Foundation
import Ledger
import Postgres
import TestSupport
import Testing

/// Finance and its auditors, over a ledger with a long history.
@Suite struct AuditTests {
    @Test(.timeLimit(.minutes(10))) func theBooksStandUpToWhatOthersMakeOfThem() async throws {
        let database = try await TestDatabase.create()
        let home = "/tmp/audit-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        var failure: (any Error)?
        do {
            let seed = TestEnvironment.seed("an audited history")
            try await LedgerDatabase.with(url: database.url) { ledger in
                var generator = HistoryGenerator(seed: seed)
                for _ in 0..<20 { try await ledger.append(try generator.events(atLeast: TestEnvironment.soak ? 50_000 : 5_000)) }
            }
            // Nothing of this asks Redis.
            let environment = GatewayProcess.environment(of: database.url, home: home).merging([
                "REDIS_URL": "redis://127.0.0.1:1"
            ]) {
                $1
            }
            for name in ["balances", "balance_history", "grants", "journal"] {
                try await runCommand([GatewayProcess.executable, "projections", "rebuild", name], environment: environment)
            }
            let python = ProcessInfo.processInfo.environment["LLMGATEWAY_PYTHON"] ?? "python3"
            try await runCommand(
                [python, TestEnvironment.root + "/Tests/Acceptance/audit.py", home],
                environment: environment.merging([
                    "LLMGATEWAY_EXECUTABLE": GatewayProcess.executable, "PYTHONDONTWRITEBYTECODE": "1",
                ]) { _, given in given })
        } catch { failure = error }
        try? FileManager.default.removeItem(atPath: home)
        try await database.drop()
        if let failure { throw failure }
    }
}
