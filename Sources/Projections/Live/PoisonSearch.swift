/// Finds the first event that can't be applied, by halving what failed: no I/O, no clock.
struct PoisonSearch: Sendable, Hashable {
    /// The end of the smallest range that failed, while one is being searched.
    private(set) var suspect: Int64?

    /// How many positions to apply next, at most `normal`.
    func limit(after position: Int64, normal: Int64) -> Int64 {
        guard let suspect, suspect > position else { return normal }
        return min(normal, max(1, (suspect - position) / 2))
    }

    /// (after, upto] failed.
    ///
    /// - Returns: The poison event's position when it is found.
    mutating func failed(after: Int64, upto: Int64) -> Int64? {
        suspect = upto
        return upto - after == 1 ? upto : nil
    }

    /// Everything up to `position` is applied.
    mutating func reached(_ position: Int64) {
        if let end = suspect, position >= end { suspect = nil }
    }
}
