internal import CoreMetrics
internal import Metrics
internal import Synchronization

/// The instruments of the request path, made once so that a request only adds to them.
final class GatewayMetrics: Sendable {
    private let registry: PrometheusRegistry
    private let inFlightCount = Atomic<Int>(0)
    private let requests = Mutex<[Int: Counter]>([:])

    /// From the head of a request to the last byte of its answer.
    let duration: Timer
    /// From the head of a request to the first byte of a stream.
    let timeToFirstToken: Timer
    /// The admission round trip.
    let admission: Timer
    /// The append that authorizes.
    let authorization: Timer
    /// The append of the outcome.
    let settlement: Timer
    /// Outcomes that went to the spool because the ledger was away.
    let spooled: Counter
    /// Requests that were answered from the cache.
    let cacheHits: Counter
    /// Requests that were refused because there were too many.
    let shed: Counter

    init(registry: PrometheusRegistry, line: AdmissionLine) {
        self.registry = registry
        func timer(_ name: String, _ help: String) -> Timer {
            registry.describe(name, help)
            return Timer(label: name, factory: registry)
        }
        duration = timer("llmgateway_request_duration_seconds", "From the head of a request to the last byte of its answer.")
        timeToFirstToken = timer("llmgateway_time_to_first_token_seconds", "From the head of a request to a stream's first byte.")
        admission = timer("llmgateway_admission_seconds", "Checks and holds of a request: one Redis round trip.")
        authorization = timer("llmgateway_authorization_seconds", "Until a request's authorization was durable.")
        settlement = timer("llmgateway_settlement_seconds", "Until a request's outcome was durable.")
        registry.describe("llmgateway_spooled_outcomes_total", "Outcomes written to the spool because the ledger was away.")
        spooled = Counter(label: "llmgateway_spooled_outcomes_total", factory: registry)
        registry.describe("llmgateway_cache_hits_total", "Requests that were answered from the cache.")
        cacheHits = Counter(label: "llmgateway_cache_hits_total", factory: registry)
        registry.describe("llmgateway_requests_shed_total", "Requests refused because the gateway was at its limit.")
        shed = Counter(label: "llmgateway_requests_shed_total", factory: registry)
        registry.describe("llmgateway_requests_total", "Chat completions answered, by HTTP status.")
        registry.collect { [weak self] in
            [
                .init(
                    "llmgateway_requests_in_flight", help: "Chat completions being answered.", value: Double(self?.inFlight ?? 0)),
                .init(
                    "llmgateway_requests_admitting", help: "Requests between their body and their authorization.",
                    value: Double(line.inside)),
                .init(
                    "llmgateway_requests_waiting", help: "Requests that wait for their turn to be admitted.",
                    value: Double(line.waiting)),
            ]
        }
    }

    var inFlight: Int { inFlightCount.load(ordering: .relaxed) }

    func began() -> Int { inFlightCount.wrappingAdd(1, ordering: .relaxed).newValue }

    func ended(status: Int, after duration: Duration) {
        inFlightCount.wrappingSubtract(1, ordering: .relaxed)
        counter(status: status).increment()
        self.duration.record(duration: duration)
    }

    private func counter(status: Int) -> Counter {
        requests.withLock { requests in
            if let known = requests[status] { return known }
            let made = Counter(label: "llmgateway_requests_total", dimensions: [("status", String(status))], factory: registry)
            requests[status] = made
            return made
        }
    }
}

extension Timer {
    /// Records `duration` in whole nanoseconds.
    func record(duration: Duration) {
        let (seconds, attoseconds) = duration.components
        recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    /// Records the time since `start`.
    func record(since start: ContinuousClock.Instant) {
        record(duration: ContinuousClock.now - start)
    }
}
