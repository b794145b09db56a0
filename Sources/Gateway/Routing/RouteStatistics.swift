internal import Catalogue

/// A mapping's name in what gateways tell each other.
struct MappingName: Sendable, Hashable {
    let provider: String
    /// The provider's name for the model.
    let model: String

    init(provider: String, model: String) {
        self.provider = provider
        self.model = model
    }

    init(_ route: Route) { self.init(provider: route.provider.id, model: route.mapping.upstreamName) }
}

/// What is counted of a mapping in a span of time.
struct RouteCounts: Sendable, Hashable {
    /// Attempts that were answered, be it by refusing what the client asked for, and those that failed by the provider's fault.
    var answered: Int64 = 0
    var faults: Int64 = 0
    /// Answers whose first byte was timed, and the sum of the milliseconds until then.
    var timed: Int64 = 0
    var firstByteMS: Int64 = 0
    /// Completion tokens, and the milliseconds in which they came.
    var tokens: Int64 = 0
    var milliseconds: Int64 = 0

    static let names: [(String, any WritableKeyPath<RouteCounts, Int64> & Sendable)] = [
        ("a", \.answered), ("f", \.faults), ("t", \.timed), ("b", \.firstByteMS), ("k", \.tokens), ("m", \.milliseconds),
    ]

    mutating func add(_ other: RouteCounts, times weight: Int64 = 1) {
        Self.add(other.answered, times: weight, to: &answered)
        Self.add(other.faults, times: weight, to: &faults)
        Self.add(other.timed, times: weight, to: &timed)
        Self.add(other.firstByteMS, times: weight, to: &firstByteMS)
        Self.add(other.tokens, times: weight, to: &tokens)
        Self.add(other.milliseconds, times: weight, to: &milliseconds)
    }

    private static func add(_ count: Int64, times weight: Int64, to sum: inout Int64) {
        let (product, isTooLarge) = count.multipliedReportingOverflow(by: weight)
        let (total, overflows) = sum.addingReportingOverflow(product)
        // What another gateway wrote is not trusted to be small.
        sum = isTooLarge || overflows ? .max : total
    }
}

/// How well a mapping answers, over the last hour; what is nil is not known.
struct RouteStatistics: Sendable, Hashable {
    /// Of 1,000 attempts those that were answered.
    var uptime: Int64?
    /// Milliseconds to the first byte of a stream.
    var latency: Int64?
    /// Completion tokens a second.
    var throughput: Int64?

    static let unknown = RouteStatistics()

    /// Few attempts prove little: this many, weighted, are taken to have been answered beside those that were counted.
    private static let presumed: Int64 = 100

    init() {}

    /// - Parameter counts: Weighted by age.
    init(_ counts: RouteCounts) {
        let attempts = counts.answered.addingReportingOverflow(counts.faults)
        if !attempts.overflow, attempts.partialValue > 0, attempts.partialValue < .max / 2_000 {
            uptime = (counts.answered + Self.presumed) * 1_000 / (attempts.partialValue + Self.presumed)
        }
        if counts.timed > 0 { latency = counts.firstByteMS / counts.timed }
        if counts.milliseconds > 0, counts.tokens > 0, counts.tokens < .max / 1_000 {
            throughput = counts.tokens * 1_000 / counts.milliseconds
        }
    }
}
