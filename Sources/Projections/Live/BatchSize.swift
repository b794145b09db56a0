/// How many positions a batch takes: as many as fit a time, learned from the batches before.
struct BatchSize: Sendable, Hashable {
    let smallest: Int64
    let largest: Int64
    /// What a batch may take.
    let target: Duration
    private(set) var size: Int64

    init(smallest: Int64, largest: Int64, target: Duration, first: Int64) {
        self.smallest = smallest
        self.largest = largest
        self.target = target
        self.size = first
    }

    /// For a projector that follows the ledger: short transactions.
    static let live = BatchSize(smallest: 256, largest: 20_000, target: .milliseconds(200), first: 2_000)
    /// For a rebuild: large batches cost less for each event.
    static let rebuild = BatchSize(smallest: 5_000, largest: 200_000, target: .seconds(2), first: 50_000)

    /// A batch of `count` positions took `duration`.
    mutating func took(_ duration: Duration, count: Int64) {
        if duration > target * 2 {
            size = max(smallest, size / 2)
        } else if count >= size, duration < target / 2 {
            size = min(largest, size * 2)
        }
    }

    /// A batch did not come to its end in time.
    mutating func timedOut() { size = max(1, size / 4) }
}
