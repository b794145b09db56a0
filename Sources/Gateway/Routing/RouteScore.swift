internal import Money

/// How the routes of a request are compared: each factor is how much worse a route is than the best, times its weight.
public struct RoutingWeights: Sendable, Hashable {
    public var price: Double
    public var uptime: Double
    public var throughput: Double
    /// Of streams alone.
    public var latency: Double
    /// Of long prompts alone: whether the provider charges less for what it has cached.
    public var cache: Double

    public init(
        price: Double = 0.6, uptime: Double = 0.5, throughput: Double = 0.05, latency: Double = 0.025, cache: Double = 0.2
    ) {
        self.price = price
        self.uptime = uptime
        self.throughput = throughput
        self.latency = latency
        self.cache = cache
    }
}

/// What a request asks routing to care about: `routing` of its body.
enum RoutingStrategy: String, Sendable, Hashable, CaseIterable {
    case auto, price, throughput, latency

    /// One factor alone, and that it answers at all.
    func weights(_ configured: RoutingWeights) -> RoutingWeights {
        var weights = RoutingWeights(price: 0, uptime: 0.1, throughput: 0, latency: 0, cache: 0)
        switch self {
        case .auto: return configured
        case .price: weights.price = 0.9
        case .throughput: weights.throughput = 0.9
        case .latency: weights.latency = 0.9
        }
        return weights
    }
}

/// A route as it is scored.
struct ScoredRoute: Sendable {
    /// Pico-dollars of a prompt token and a completion token together, with the discount, and with their share of what the request
    /// costs beside its tokens.
    let price: Int64
    /// 1 is ordinary, more is preferred.
    let priority: Double
    let hasCachedPrice: Bool
    let statistics: RouteStatistics
}

/// Scores routes; the lowest is the best. Amounts are compared here and never charged, so ratios may be approximate.
enum RouteScore {
    /// Prompts of at least this many tokens are worth finding in a provider's cache.
    static let longPrompt: Int64 = 5_000
    /// How much worse than nothing any price is.
    private static let worseThanFree = 10.0

    static func scores(
        _ routes: [ScoredRoute], weights: RoutingWeights, isStreamed: Bool, promptTokens: Int64
    ) -> [Double] {
        // Of what nobody has tried the best is presumed: by trying it becomes known.
        let uptimes = routes.map { Double(max(1, $0.statistics.uptime ?? 1_000)) }
        let quickest = Double(max(1, routes.compactMap(\.statistics.latency).min() ?? 1))
        let widest = Double(max(1, routes.compactMap(\.statistics.throughput).max() ?? 1))
        let latencies = routes.map { $0.statistics.latency.map { Double(max(1, $0)) } ?? quickest }
        let throughputs = routes.map { $0.statistics.throughput.map { Double(max(1, $0)) } ?? widest }
        let cheapest = routes.map(\.price).min() ?? 0
        let best = uptimes.max() ?? 1
        let isLong = promptTokens >= longPrompt
        return routes.indices.map { index in
            let route = routes[index]
            var score = 1 - route.priority
            let price =
                route.price == cheapest ? 0 : cheapest == 0 ? worseThanFree : Double(route.price) / Double(cheapest) - 1
            score += weights.price * price
            score += weights.uptime * (best / uptimes[index] - 1) + penalty(uptimes[index])
            score += weights.throughput * (widest / throughputs[index] - 1)
            if isStreamed { score += weights.latency * (latencies[index] / quickest - 1) }
            if isLong, !route.hasCachedPrice { score += weights.cache }
            return score
        }
    }

    /// A mapping that fails more than one request in twenty is avoided whatever it costs.
    private static func penalty(_ uptime: Double) -> Double {
        let sufficient = Double(Probation.sufficient)
        guard uptime < sufficient else { return 0 }
        let share = 5 * (sufficient - uptime) / sufficient
        return share * share
    }
}
