import Synchronization

/// What a connection has done since it was made, and where it stands.
public struct RedisStatistics: Sendable, Hashable {
    /// Calls that were written.
    public var calls = 0
    /// Writes to the socket; calls of one tick of the loop share one.
    public var flushes = 0
    /// Connections that were set up.
    public var connects = 0
    /// Calls without an answer at this moment.
    public var outstanding = 0
    /// Whether calls go out at once: connected, authenticated, and `onConnect` has run.
    public var isReady = false

    static func + (left: RedisStatistics, right: RedisStatistics) -> RedisStatistics {
        RedisStatistics(
            calls: left.calls + right.calls, flushes: left.flushes + right.flushes, connects: left.connects + right.connects,
            outstanding: left.outstanding + right.outstanding, isReady: left.isReady && right.isReady)
    }
}

/// The figures of ``RedisStatistics``, written on the connection's loop and read from anywhere.
final class RedisCounters: Sendable {
    let calls = Atomic(0)
    let flushes = Atomic(0)
    let connects = Atomic(0)
    let outstanding = Atomic(0)
    let isReady = Atomic(false)
    let isClosed = Atomic(false)

    var statistics: RedisStatistics {
        RedisStatistics(
            calls: calls.load(ordering: .relaxed), flushes: flushes.load(ordering: .relaxed),
            connects: connects.load(ordering: .relaxed), outstanding: outstanding.load(ordering: .relaxed),
            isReady: isReady.load(ordering: .relaxed))
    }
}
