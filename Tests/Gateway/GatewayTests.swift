import CoreMetrics
import TestSupport
import Testing

@testable import Gateway

@Suite struct GatewayTests {
    @Test(arguments: [
        (Int64(0), "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_795_558_140, "Tue, 24 Nov 2026 22:09:00 GMT"),
    ])
    func datesAreWrittenAsHTTPWantsThem(second: Int64, text: String) {
        #expect(HTTPDateClock.text(second) == text)
    }

    @Test func metricsAreRenderedOnceAndEscaped() async {
        let registry = PrometheusRegistry()
        registry.describe("requests_total", "Requests.")
        let counter = Counter(label: "requests_total", dimensions: [("model", "a\"b\\c")], factory: registry)
        counter.increment(by: 2)
        Counter(label: "requests_total", dimensions: [("model", "a\"b\\c")], factory: registry).increment()
        Timer(label: "wait_seconds", factory: registry).recordNanoseconds(3_000_000)
        registry.collect { [.init("lag_events", help: "Lag.", value: 7)] }
        let text = await registry.render()
        #expect(text.contains("# HELP requests_total Requests.\n# TYPE requests_total counter\n"))
        #expect(text.contains(#"requests_total{model="a\"b\\c"} 3"#))
        #expect(text.contains("lag_events 7\n"))
        #expect(text.contains(#"wait_seconds_bucket{le="0.002"} 0"#))
        #expect(text.contains(#"wait_seconds_bucket{le="0.004"} 1"#))
        #expect(text.contains(#"wait_seconds_bucket{le="+Inf"} 1"#))
        #expect(text.contains("wait_seconds_count 1\n"))
    }

    /// What asks Postgres says nothing while that is away, and the rest is wanted then above all.
    @Test func aScrapeDoesNotWaitForWhatIsLate() async throws {
        let registry = PrometheusRegistry(patience: .milliseconds(200))
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        registry.collect {
            for await _ in gate {}
            return [.init("slow_events", help: "Slow.", value: 1)]
        }
        registry.collect { [.init("fast_events", help: "Fast.", value: 2)] }
        for scrape in 1...2 {
            let text = await registry.render()
            #expect(text.contains("fast_events 2\n") && !text.contains("slow_events"))
            #expect(text.contains("llmgateway_scrape_late_sources_total \(scrape)\n"))
        }
        opener.finish()
        try await eventually("it answers again") { await registry.render().contains("slow_events 1\n") }
    }
}
