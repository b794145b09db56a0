/// Waits that double from the first to the last.
struct Backoff: Sendable, Hashable {
    let first: Duration
    let last: Duration
    private var current: Duration

    init(first: Duration, last: Duration) {
        self.first = first
        self.last = last
        self.current = first
    }

    /// How long to wait now.
    mutating func next() -> Duration {
        defer { current = min(last, current * 2) }
        return current
    }

    /// It went well.
    mutating func reset() { current = first }
}
