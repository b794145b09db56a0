internal import Synchronization

/// The bytes that many bodies may have together, so that many large ones at once are refused instead of using up the memory.
///
/// The beginning of each body is free: who fills the budget with large bodies keeps out other large ones, and nobody else.
public final class ByteBudget: Sendable {
    /// Bytes of each body that are not counted.
    public static let freeBytes = 64 << 10

    private let maximumBytes: Int
    private let taken = Atomic<Int>(0)

    /// - Parameter maximumBytes: Of all bodies together, without what is free of each.
    public init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Bytes that are taken now.
    public var takenBytes: Int { taken.load(ordering: .relaxed) }

    /// What one body has taken; free again when nobody holds it.
    public final class Room: Sendable {
        private let budget: ByteBudget
        private let bytes = Atomic<Int>(0)

        fileprivate init(_ budget: ByteBudget) { self.budget = budget }

        deinit { budget.taken.subtract(bytes.load(ordering: .relaxed), ordering: .relaxed) }

        fileprivate func grow(to count: Int) -> Bool {
            let added = count - bytes.load(ordering: .relaxed)
            guard added > 0 else { return true }
            guard budget.taken.add(added, ordering: .relaxed).newValue <= budget.maximumBytes else {
                budget.taken.subtract(added, ordering: .relaxed)
                return false
            }
            bytes.add(added, ordering: .relaxed)
            return true
        }
    }

    /// Makes room for a body that has `count` bytes by now.
    ///
    /// - Parameter room: The body's, which is made when it needs one.
    /// - Returns: false when there is no more room; nothing is taken then.
    public func grow(_ room: inout Room?, to count: Int) -> Bool {
        guard count > Self.freeBytes else { return true }
        let held = room ?? Room(self)
        room = held
        return held.grow(to: count - Self.freeBytes)
    }
}
