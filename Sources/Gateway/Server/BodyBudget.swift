internal import Synchronization

/// The bytes that the bodies of all requests may have together, so that many large ones at once are refused instead of using up the
/// memory.
///
/// The beginning of each body is free: who fills the budget with large bodies keeps out other large ones, and nobody else.
final class BodyBudget: Sendable {
    /// Bytes of each body that are not counted.
    static let freeBytes = 64 << 10

    private let maximumBytes: Int
    private let taken = Atomic<Int>(0)

    /// - Parameter maximumBytes: Of all bodies together, without what is free of each.
    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Bytes that are taken now.
    var takenBytes: Int { taken.load(ordering: .relaxed) }

    /// What one body has taken; free again when nobody holds it.
    final class Room: Sendable {
        private let budget: BodyBudget
        private let bytes = Atomic<Int>(0)

        fileprivate init(_ budget: BodyBudget) { self.budget = budget }

        deinit { budget.taken.subtract(bytes.load(ordering: .relaxed), ordering: .relaxed) }

        /// - Returns: false when there is no more room; nothing is taken then.
        func take(_ count: Int) -> Bool {
            guard budget.taken.add(count, ordering: .relaxed).newValue <= budget.maximumBytes else {
                budget.taken.subtract(count, ordering: .relaxed)
                return false
            }
            bytes.add(count, ordering: .relaxed)
            return true
        }
    }

    /// Room for one body, nothing taken yet.
    func room() -> Room { Room(self) }
}
