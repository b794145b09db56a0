import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct MetricsTests {
    /// What an operator watches is there by name, and counts.
    @Test func whatOperatorsWatchIsThere() async throws {
        try await withGateway { gateway in
            let key = try await AcceptanceTests.shop(gateway, credits: "1")
            for (model, stream) in [("echo", "false"), ("echo", "true"), ("nothing", "false")] {
                let asked = #"{"model":"\#(model)","stream":\#(stream),"max_tokens":8,"#
                let body = asked + #""messages":[{"role":"user","content":"hi"}]}"#
                _ = try await runCommand([
                    "curl", "-s", "-H", "Authorization: Bearer " + key.token, "-d", body, gateway.url + "/v1/chat/completions",
                ])
            }
            _ = try await gateway.outcomes("request.completed", count: 2)
            let charged = try await gateway.charged(key.organization)
            // What was spent is taken back from the credits: all that is left of the balance is a debt.
            try await gateway.command(
                "credits", "adjust", "--organization", key.organization, "--amount", "-1", "--reason", "a test")
            var metrics: [String: String] = [:]
            try await eventually("the projections have caught up") {
                metrics = Self.samples(try await runCommand(["curl", "-sSf", gateway.url + "/metrics"]))
                return metrics["llmgateway_balances_below_zero_nanodollars"] == "\(charged)"
                    && metrics["llmgateway_redis_state_lag_events"] == "0" && metrics["llmgateway_requests_in_flight"] == "0"
            }
            #expect(metrics[#"llmgateway_requests_total{status="200"}"#] == "2")
            #expect(metrics[#"llmgateway_requests_total{status="400"}"#] == "1")
            // Each kind of time: as often as it was taken, which may be more where a request is admitted again.
            for (name, count) in [
                ("request_duration", 3), ("time_to_first_token", 1), ("admission", 2), ("authorization", 2), ("settlement", 2),
            ] {
                let counted = metrics["llmgateway_\(name)_seconds_count"]
                #expect(counted.flatMap(Int.init).map { $0 >= count } == true, "\(name)")
                #expect(metrics["llmgateway_\(name)_seconds_bucket{le=\"+Inf\"}"] == counted, "\(name)")
                #expect(metrics["llmgateway_\(name)_seconds_sum"].flatMap(Double.init).map { $0 > 0 } == true, "\(name)")
            }
            // Two authorizations and two outcomes at least; commands are processes of their own.
            #expect(metrics["llmgateway_ledger_appended_events_total"].flatMap(Int.init).map { $0 >= 4 } == true)
            #expect(metrics["llmgateway_ledger_batches_total"].flatMap(Int.init).map { $0 >= 1 } == true)
            #expect(metrics["llmgateway_ledger_last_batch_events"].flatMap(Int.init).map { $0 >= 1 } == true)
            #expect(metrics["llmgateway_ledger_available"] == "1" && metrics["llmgateway_ledger_protected"] == "1")
            #expect(metrics[#"llmgateway_projection_lag_events{projection="admission"}"#] != nil)
            for name in ["overspend_strict_nanodollars", "overspend_nanodollars", "open_holds"] {
                #expect(metrics["llmgateway_\(name)"] == "0", "\(name)")
            }
        }
    }

    /// The value of each line, by its name and labels.
    private static func samples(_ text: String) -> [String: String] {
        var samples: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let blank = line.lastIndex(of: " ") else { continue }
            samples[String(line[..<blank])] = String(line[line.index(after: blank)...])
        }
        return samples
    }

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
