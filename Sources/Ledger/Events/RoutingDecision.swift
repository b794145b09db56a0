/// How a request came to the provider that was tried first, where there was a choice.
public struct RoutingDecision: Codable, Sendable, Hashable {
    public enum Reason: String, Codable, Sendable, Hashable {
        /// The best score.
        case weightedScore = "weighted-score"
        /// The best score, and nothing is known but prices and priorities.
        case priceOnly = "price-only-no-metrics"
        /// The provider that answered the session before.
        case sessionSticky = "session-sticky"
        /// The better ones have failed lately.
        case circuitOpen = "circuit-open"
        /// There is one provider, with several accounts.
        case onlyProvider = "single-provider-available"
        /// The provider that was asked for by name has failed too often of late.
        case lowUptime = "low-uptime-fallback"
    }

    /// A place where the request could have gone. What is nil is not known.
    public struct Candidate: Codable, Sendable, Hashable {
        public var provider: String
        /// In thousandths; the lowest is the best.
        public var score: Int64
        /// Of 1,000 attempts in the last hour those that were answered.
        public var uptime: Int64?
        /// To the first byte of a stream.
        public var latencyMS: Int64?
        /// Completion tokens a second.
        public var throughput: Int64?
        /// In thousandths; nil is 1,000.
        public var priority: Int64?

        public init(
            provider: String, score: Int64, uptime: Int64?, latencyMS: Int64?, throughput: Int64?, priority: Int64?
        ) {
            self.provider = provider
            self.score = score
            self.uptime = uptime
            self.latencyMS = latencyMS
            self.throughput = throughput
            self.priority = priority
        }

        enum CodingKeys: String, CodingKey {
            case provider, score, uptime, throughput, priority
            case latencyMS = "latency_ms"
        }
    }

    public var reason: Reason
    /// What was to be tried first; the attempts say what came of it.
    public var provider: String
    public var candidates: [Candidate]
    /// Whether the client wanted no other to be tried.
    public var noFallback: Bool?

    public init(reason: Reason, provider: String, candidates: [Candidate], noFallback: Bool? = nil) {
        self.reason = reason
        self.provider = provider
        self.candidates = candidates
        self.noFallback = noFallback
    }

    enum CodingKeys: String, CodingKey {
        case reason, provider, candidates
        case noFallback = "no_fallback"
    }
}
