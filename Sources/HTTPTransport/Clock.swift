import Glibc

/// Nanoseconds of the monotonic clock, in which all deadlines are kept.
typealias Nanoseconds = Int64

func monotonicNow() -> Nanoseconds {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Nanoseconds(time.tv_sec) * 1_000_000_000 + Nanoseconds(time.tv_nsec)
}

extension Duration {
    /// Whole nanoseconds between 0 and a century, so that sums with the clock can't overflow.
    var boundedNanoseconds: Nanoseconds {
        let (seconds, attoseconds) = components
        if seconds < 0 || attoseconds < 0 { return 0 }
        if seconds >= 3_155_760_000 { return 3_155_760_000 * 1_000_000_000 }
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
