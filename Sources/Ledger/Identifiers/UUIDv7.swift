import Synchronization

public import struct FoundationEssentials.UUID

/// Mints UUIDs of version 7 (RFC 9562): 48 bits of Unix milliseconds, a 12-bit counter, 62 random bits.
///
/// Within a process every UUID is greater than the one before, also when the clock is set back.
public enum UUIDv7 {
    private static let clock = Mutex(Clock())

    /// The next UUID of this process.
    public static func next() -> UUID {
        next(milliseconds: UInt64(max(0, Timestamp.now.microseconds)) / 1000, random: UInt64.random(in: .min ... .max))
    }

    static func next(milliseconds: UInt64, random: UInt64) -> UUID {
        let stamp = clock.withLock { $0.next(milliseconds: milliseconds, random: random) }
        return compose(stamp: stamp, random: random)
    }

    /// A new UUID with the 48 time bits of another: the two are neighbours in an index.
    public static func sharing(timeOf uuid: UUID) -> UUID {
        let milliseconds = uuid.high >> 16
        let random = UInt64.random(in: .min ... .max)
        let counter = UInt64.random(in: 0..<4096)
        return compose(stamp: (milliseconds << 12) | counter, random: random)
    }

    private static func compose(stamp: UInt64, random: UInt64) -> UUID {
        UUID(
            high: ((stamp >> 12) << 16) | 0x7000 | (stamp & 0xFFF),
            low: 0x8000_0000_0000_0000 | (random & 0x3FFF_FFFF_FFFF_FFFF))
    }

    /// The last stamp given out: milliseconds and counter as one number that only grows.
    struct Clock {
        private var last: UInt64 = 0

        mutating func next(milliseconds: UInt64, random: UInt64) -> UInt64 {
            // The counter starts in the lower half of its range, so that 2,048 more fit into the same millisecond.
            let fresh = (milliseconds & 0xFFFF_FFFF_FFFF) << 12 | (random >> 53)
            last = fresh >> 12 > last >> 12 ? fresh : last + 1
            return last
        }
    }
}
