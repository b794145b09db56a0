import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct MetricsTests {
    /// Prometheus gives up after 10 s, and would lose everything just when it is wanted.
    @Test func aScrapeIsAnsweredWhilePostgresHangs() async throws {
        try await PostgresServer.with(settings: ["max_connections": "100"]) { server in
            try await withGateway(server: server.url) { gateway in
                let scrape = ["curl", "-sSf", "-m", "8", gateway.url + "/metrics"]
                let before = try await runCommand(scrape)
                #expect(before.contains("llmgateway_projection_lag_events{"))
                server.freeze()
                defer { server.thaw() }
                // One may still have figures that it keeps for a while.
                let hanging = try await runCommand(scrape)
                #expect(hanging.contains("llmgateway_ledger_available "))
                #expect(!hanging.contains("llmgateway_projection_lag_events{"))
                #expect(!hanging.contains("llmgateway_scrape_late_sources_total 0\n"))
                let began = ContinuousClock.now
                _ = try await runCommand(scrape)
                #expect(began.duration(to: .now) < .seconds(5))
            }
        }
    }
}
