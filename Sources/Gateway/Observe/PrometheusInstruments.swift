internal import CoreMetrics
internal import Synchronization

/// A count that only grows.
final class PrometheusCounter: CounterHandler {
    private let count = Atomic<Int64>(0)

    var value: Int64 { count.load(ordering: .relaxed) }

    func increment(by amount: Int64) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    /// A Prometheus counter never goes back within a process: a reset would look like a restart.
    func reset() {}
}

/// A value that goes up and down.
final class PrometheusGauge: RecorderHandler {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }
}

/// Latencies in seconds, counted into fixed buckets from 100 microseconds to 5 minutes.
final class PrometheusHistogram: TimerHandler, RecorderHandler {
    private static let boundsNanoseconds: [Int64] = [
        100_000, 250_000, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000, 32_000_000, 64_000_000, 125_000_000,
        250_000_000, 500_000_000, 1_000_000_000, 2_000_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000, 60_000_000_000,
        300_000_000_000,
    ]

    private struct Counts {
        var buckets = [Int64](repeating: 0, count: boundsNanoseconds.count + 1)
        var sum: Double = 0
        var count: Int64 = 0
    }

    private let counts = Mutex(Counts())

    func recordNanoseconds(_ duration: Int64) {
        let bucket = Self.boundsNanoseconds.firstIndex { duration <= $0 } ?? Self.boundsNanoseconds.count
        counts.withLock { counts in
            counts.buckets[bucket] += 1
            counts.sum += Double(duration) / 1e9
            counts.count += 1
        }
    }

    /// A recorder's values are seconds.
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard value.isFinite, value >= 0, value < 9e9 else { return }
        recordNanoseconds(Int64(value * 1e9))
    }

    /// The cumulative buckets, the sum and the count, in Prometheus' order.
    func lines(name: String, labels: String) -> [String] {
        let counts = counts.withLock { $0 }
        let prefix = labels.isEmpty ? "" : labels + ","
        var lines: [String] = []
        var cumulative: Int64 = 0
        for (index, bound) in Self.boundsNanoseconds.enumerated() {
            cumulative += counts.buckets[index]
            lines.append("\(name)_bucket{\(prefix)le=\"\(PrometheusRegistry.number(Double(bound) / 1e9))\"} \(cumulative)")
        }
        lines.append("\(name)_bucket{\(prefix)le=\"+Inf\"} \(counts.count)")
        let braces = labels.isEmpty ? "" : "{\(labels)}"
        lines.append("\(name)_sum\(braces) \(counts.sum)")
        lines.append("\(name)_count\(braces) \(counts.count)")
        return lines
    }
}
