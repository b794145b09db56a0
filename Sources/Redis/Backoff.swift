import NIOCore

/// The pauses between attempts to connect: doubling, and each drawn at random from its upper half, so that the connections
/// of many processes don't come back at the same instant.
struct Backoff {
    private let first: Int64
    private let longest: Int64
    private(set) var attempts = 0

    init(first: Duration, longest: Duration) {
        self.first = max(TimeAmount(first).nanoseconds, 1)
        self.longest = max(TimeAmount(longest).nanoseconds, self.first)
    }

    mutating func next(using generator: inout some RandomNumberGenerator) -> TimeAmount {
        var pause = first
        for _ in 0..<attempts where pause < longest { pause = pause > longest / 2 ? longest : pause * 2 }
        attempts += 1
        return .nanoseconds(Int64.random(in: (pause - pause / 2)...pause, using: &generator))
    }

    mutating func reset() { attempts = 0 }
}
