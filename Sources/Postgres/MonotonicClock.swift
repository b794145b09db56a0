import Glibc

/// Nanoseconds that never jump: what every deadline of this target is measured in.
enum MonotonicClock {
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// The moment that is `duration` from now; an endless duration is the end of time, a negative one is now.
    static func after(_ duration: Duration) -> UInt64 {
        let now = now()
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return now }
        guard seconds < 1_000_000_000 else { return .max }
        return now &+ UInt64(seconds) &* 1_000_000_000 &+ UInt64(attoseconds) / 1_000_000_000
    }
}
