internal import Synchronization

public import struct FoundationEssentials.UUID

/// The bytes that many bodies may have together, so that many large ones at once are refused instead of using up the memory.
///
/// The beginning of each body is free: who fills the budget with large bodies keeps out other large ones, and nobody else. And
/// nobody who is known fills it: an owner's bodies may have three times what is left of it, three quarters where there are no others.
/// Source: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998.
public final class ByteBudget: Sendable {
    /// Bytes of each body that are not counted.
    public static let freeBytes = 64 << 10

    /// An owner may have so many times what it leaves.
    private static let share = 3

    private struct Taken {
        var bytes = 0
        var ofOwners: [UUID: Int] = [:]
    }

    private let maximumBytes: Int
    private let taken = Mutex(Taken())

    /// - Parameter maximumBytes: Of all bodies together, without what is free of each.
    public init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Bytes that are taken now.
    public var takenBytes: Int { taken.withLock { $0.bytes } }

    /// What one body has taken; free again when nobody holds it.
    public final class Room: Sendable {
        private let budget: ByteBudget
        private let owner: UUID?
        private let bytes = Atomic<Int>(0)

        fileprivate init(_ budget: ByteBudget, _ owner: UUID?) {
            self.budget = budget
            self.owner = owner
        }

        deinit { budget.add(-bytes.load(ordering: .relaxed), to: owner) }

        fileprivate func grow(to count: Int) -> Bool {
            let added = count - bytes.load(ordering: .relaxed)
            guard added > 0 else { return true }
            guard budget.take(added, for: owner) else { return false }
            bytes.add(added, ordering: .relaxed)
            return true
        }
    }

    /// Makes room for a body that has `count` bytes by now.
    ///
    /// - Parameters:
    ///   - room: The body's, which is made when it needs one.
    ///   - owner: Whose body it is, an organization for example; nil where that is not known.
    /// - Returns: false when there is no more room; nothing is taken then.
    public func grow(_ room: inout Room?, to count: Int, of owner: UUID? = nil) -> Bool {
        guard count > Self.freeBytes else { return true }
        let held = room ?? Room(self, owner)
        room = held
        return held.grow(to: count - Self.freeBytes)
    }

    private func take(_ count: Int, for owner: UUID?) -> Bool {
        taken.withLock { taken in
            let left = maximumBytes - taken.bytes
            guard count <= left else { return false }
            if let owner {
                let own = taken.ofOwners[owner, default: 0] + count
                guard own <= Self.share * (left - count) else { return false }
                taken.ofOwners[owner] = own
            }
            taken.bytes += count
            return true
        }
    }

    private func add(_ count: Int, to owner: UUID?) {
        taken.withLock { taken in
            taken.bytes += count
            guard let owner else { return }
            let own = taken.ofOwners[owner, default: 0] + count
            taken.ofOwners[owner] = own > 0 ? own : nil
        }
    }
}
