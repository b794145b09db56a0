internal import Synchronization

/// What is known of every mapping's health, by this gateway and all others; read by requests, renewed by ``HealthExchange``.
///
/// Counts lie in buckets of ten seconds, and an hour of them counts: the last minute ten times, the last five three times.
final class RouteHealth: Sendable {
    /// Seconds.
    static let bucketLength: Int64 = 10
    static let buckets: Int64 = 360

    private struct State {
        /// What the others have not been told yet.
        var pending: [MappingName: RouteCounts] = [:]
        /// What all gateways counted, by bucket.
        var shared: [Int64: [MappingName: RouteCounts]] = [:]
        /// The bucket up to which a mapping's past is forgotten, because it is back from an outage.
        var forgiven: [MappingName: Int64] = [:]
        var statistics: [MappingName: RouteStatistics] = [:]
    }

    private let state = Mutex(State())
    /// Of mappings that wait to be told, while Redis is away. A catalogue has some hundreds, but it can be replaced by others meanwhile.
    /// Organizations' own accounts, and with them their custom providers, are not counted here.
    private static let most = 20_000

    /// Counts an attempt.
    func count(_ name: MappingName, _ counts: RouteCounts) {
        state.withLock { state in
            guard state.pending[name] != nil || state.pending.count < Self.most else { return }
            state.pending[name, default: RouteCounts()].add(counts)
        }
    }

    /// What is known of a mapping.
    func statistics(of name: MappingName) -> RouteStatistics { state.withLock { $0.statistics[name] } ?? .unknown }

    /// What the others are to be told; it is theirs to count from now on.
    func takePending() -> [MappingName: RouteCounts] {
        state.withLock { state in
            defer { state.pending = [:] }
            return state.pending
        }
    }

    /// Whether a bucket's counts are here, so that only the newest must be asked for again.
    func has(_ bucket: Int64) -> Bool { state.withLock { $0.shared[bucket] != nil } }

    /// Takes over what all gateways counted.
    ///
    /// - Parameters:
    ///   - counts: By bucket; they replace what was known of it.
    ///   - forgiven: By mapping the bucket up to which its past is forgotten.
    ///   - now: The current bucket.
    func learn(
        _ counts: [Int64: [MappingName: RouteCounts]], forgiven: [MappingName: Int64], now: Int64
    ) {
        state.withLock { state in
            state.shared.merge(counts) { $1 }
            state.shared = state.shared.filter { $0.key > now - Self.buckets && $0.key <= now + 1 }
            state.forgiven.merge(forgiven) { max($0, $1) }
            state.forgiven = state.forgiven.filter { $0.value > now - Self.buckets }
            var sums: [MappingName: RouteCounts] = [:]
            for (bucket, mappings) in state.shared {
                let weight = Self.weight(age: now - bucket)
                for (name, counts) in mappings where bucket > state.forgiven[name] ?? .min {
                    sums[name, default: RouteCounts()].add(counts, times: weight)
                }
            }
            state.statistics = sums.mapValues(RouteStatistics.init)
        }
    }

    /// Forgets the past of a mapping that answers again after an outage: what it did then says nothing about now.
    func forgive(_ name: MappingName, at bucket: Int64) {
        state.withLock { state in
            state.forgiven[name] = bucket
            state.pending[name] = nil
            state.statistics[name] = nil
        }
    }

    static func bucket(at seconds: Int64) -> Int64 { seconds / bucketLength }

    private static func weight(age: Int64) -> Int64 {
        switch age * bucketLength {
        case ..<60: 10
        case ..<300: 3
        default: 1
        }
    }
}
