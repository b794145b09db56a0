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
            #expect(try await runCommand(["curl", "-sf", "-o", "/dev/null", "-w", "%{http_code}", gateway.url + "/"]) == "200")
        }
    }
}
