import Foundation
import TestSupport

/// The acceptance tests' Stripe, which is localstripe.
final class Bank: Sendable {
    let url: String
    private let process: ChildProcess

    init() async throws {
        let port = try freePort()
        url = "http://127.0.0.1:\(port)"
        process = try ChildProcess(
            ProcessInfo.processInfo.environment["LLMGATEWAY_PYTHON"] ?? "python3",
            [TestEnvironment.root + "/Tests/Acceptance/stripe_server.py", "\(port)"],
            environment: ["PYTHONDONTWRITEBYTECODE": "1"])
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if (try? await runCommand(["curl", "-sf", "-m", "5", url + "/_config/requests"])) != nil { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        end()
        throw ChildProcess.Failure(description: "Stripe's stand-in did not start")
    }

    /// Changes how payments are answered from now on: `{"status":"processing"}`.
    func answerPayments(_ manner: String) async throws {
        _ = try await runCommand([
            "curl", "-sf", "-m", "5", "-H", "content-type: application/json", "-d", manner, url + "/_config/payments",
        ])
    }

    func end() { process.signal(SIGTERM) }
}
