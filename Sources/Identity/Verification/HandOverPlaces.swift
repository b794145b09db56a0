internal import Synchronization

/// How many accounts are handed over at once: each hand-over holds a connection while it uses others of the same pool, and must leave
/// some to everybody else.
final class HandOverPlaces: Sendable {
    static let maximum = 2

    private let taken = Mutex(0)

    /// - Returns: False when there is no place.
    func take() -> Bool {
        taken.withLock { taken in
            guard taken < Self.maximum else { return false }
            taken += 1
            return true
        }
    }

    func leave() { taken.withLock { $0 -= 1 } }
}
