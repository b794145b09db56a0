internal import DequeModule
internal import Synchronization

/// Lets so many requests into admission at once. Who finds it full waits in line for a moment and is let in in turn: to refuse at
/// once costs a fifth of an answer, and who is refused asks again.
final class AdmissionLine: Sendable {
    private struct Waiter {
        let continuation: CheckedContinuation<Bool, Never>
        let until: ContinuousClock.Instant
    }

    private struct State {
        var inside = 0
        var line: Deque<Waiter> = []
        /// Whether somebody will look for those who have waited too long.
        var isWatched = false
    }

    /// So many wait for each that is let in; more are refused unread.
    private static let depth = 16

    private let most: Int
    private let patience: Duration
    private let state = Mutex(State())

    /// - Parameters:
    ///   - most: Requests that may be in admission at once.
    ///   - patience: How long a request waits for its turn.
    init(most: Int, patience: Duration = .seconds(1)) {
        self.most = most
        self.patience = patience
    }

    /// Requests in admission.
    var inside: Int { state.withLock { $0.inside } }

    /// Requests that wait for their turn.
    var waiting: Int { state.withLock { $0.line.count } }

    /// Whether who comes now would only wait to be refused.
    var isFull: Bool { state.withLock { $0.line.count >= most * Self.depth } }

    /// Waits for a place; who got one calls ``leave()``.
    /// - Returns: false when it did not come to its turn in time.
    func enter() async -> Bool {
        let isIn = state.withLock { state in
            guard state.inside < most, state.line.isEmpty else { return false }
            state.inside += 1
            return true
        }
        if isIn { return true }
        return await withCheckedContinuation { continuation in
            // Places may have become free since; and the first in line begins the watch.
            let (isIn, begins) = state.withLock { state in
                if state.inside < most, state.line.isEmpty {
                    state.inside += 1
                    return (true, false)
                }
                state.line.append(Waiter(continuation: continuation, until: .now + patience))
                defer { state.isWatched = true }
                return (false, !state.isWatched)
            }
            if isIn { continuation.resume(returning: true) }
            if begins { Task { await watch() } }
        }
    }

    /// Gives the place to the first in line, or frees it.
    func leave() {
        let next = state.withLock { state in
            guard let next = state.line.popFirst() else {
                state.inside -= 1
                return CheckedContinuation<Bool, Never>?.none
            }
            return next.continuation
        }
        next?.resume(returning: true)
    }

    /// Sends those away who have waited too long, until nobody waits. All wait equally long, so that the first in line is the first.
    private func watch() async {
        while true {
            try? await Task.sleep(for: .milliseconds(50))
            let now = ContinuousClock.now
            let (late, isOver) = state.withLock { state in
                var late: [CheckedContinuation<Bool, Never>] = []
                while let first = state.line.first, first.until <= now {
                    late.append(first.continuation)
                    state.line.removeFirst()
                }
                state.isWatched = !state.line.isEmpty
                return (late, state.line.isEmpty)
            }
            for continuation in late { continuation.resume(returning: false) }
            if isOver { return }
        }
    }
}
