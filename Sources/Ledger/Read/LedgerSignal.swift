import Synchronization

/// Wakes those who follow the ledger when it has grown.
///
/// Within a process `signal` wakes at once. `LedgerSignalBridge` carries it to other processes and back. A signal may be
/// lost or early, so whoever waits must ask the ledger, and must not wait without an end.
public final class LedgerSignal: Sendable {
    private let state = Mutex(State())

    private enum Waiter {
        /// About to wait.
        case coming
        /// Its time was over before it had begun to wait.
        case over
        case waiting(beyond: Int64, forChange: Bool, CheckedContinuation<Void, Never>)
    }

    private struct State {
        var position: Int64 = 0
        /// The highest position that this process itself committed.
        var own: Int64 = 0
        /// No event above this position is known to be anything but a request's, and the same of this process's own commits.
        var change: Int64 = 0
        var ownChange: Int64 = 0
        var waiters: [UInt64: Waiter] = [:]
        var nextID: UInt64 = 0

        /// Whether somebody who waits has reason to go on.
        func isBeyond(_ position: Int64, forChange: Bool) -> Bool { (forChange ? change : self.position) > position }

        /// Takes out everyone who waits for no more than the present position.
        mutating func woken() -> [CheckedContinuation<Void, Never>] {
            var woken: [CheckedContinuation<Void, Never>] = []
            for (id, waiter) in waiters {
                guard case .waiting(let beyond, let forChange, let caller) = waiter, isBeyond(beyond, forChange: forChange)
                else { continue }
                waiters[id] = nil
                woken.append(caller)
            }
            return woken
        }
    }

    public init() {}

    /// The highest position that is known to be in the ledger; 0 before the first signal.
    public var position: Int64 { state.withLock { $0.position } }

    /// The highest position up to which there may be other events than those of requests.
    public var changePosition: Int64 { state.withLock { $0.change } }

    /// The highest position that this process committed.
    var ownPosition: Int64 { state.withLock { $0.own } }

    /// The highest position at which this process may have committed another event than one of a request.
    var ownChangePosition: Int64 { state.withLock { $0.ownChange } }

    /// Events up to `position` are committed, by this process.
    ///
    /// - Parameter hasChanges: False where all events since the last signal are those of requests.
    public func signal(_ position: Int64, hasChanges: Bool = true) { raise(position, hasChanges: hasChanges, own: true) }

    /// Events up to `position` are committed, by another process.
    func signalFromElsewhere(_ position: Int64, hasChanges: Bool = true) {
        raise(position, hasChanges: hasChanges, own: false)
    }

    /// Returns the known position as soon as it is beyond `position`, or when the time is over, or when the task is cancelled.
    ///
    /// - Parameter forChange: Waits until an event beyond `position` may be another than one of a request.
    @discardableResult
    public func wait(beyond position: Int64, atMost duration: Duration, forChange: Bool = false) async -> Int64 {
        let (known, id) = state.withLock { state in
            guard !state.isBeyond(position, forChange: forChange) else { return (state.position, UInt64?.none) }
            state.nextID += 1
            state.waiters[state.nextID] = .coming
            return (state.position, state.nextID)
        }
        guard let id else { return known }
        let timer = Task { [weak self] in
            try? await Task.sleep(for: duration)
            self?.end(id)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (caller: CheckedContinuation<Void, Never>) in
                let now = state.withLock { state in
                    if case .coming = state.waiters[id], !state.isBeyond(position, forChange: forChange) {
                        state.waiters[id] = .waiting(beyond: position, forChange: forChange, caller)
                        return false
                    }
                    state.waiters[id] = nil
                    return true
                }
                if now { caller.resume() }
            }
        } onCancel: {
            end(id)
        }
        timer.cancel()
        return self.position
    }

    private func raise(_ position: Int64, hasChanges: Bool, own: Bool) {
        let woken = state.withLock { state in
            if own { state.own = max(state.own, position) }
            if own && hasChanges { state.ownChange = max(state.ownChange, position) }
            // The signals of two processes overtake each other: that of a change may be the later one and the lower.
            let changed = hasChanges && position > state.change
            if changed { state.change = position }
            guard changed || position > state.position else { return [CheckedContinuation<Void, Never>]() }
            state.position = max(state.position, position)
            return state.waiters.isEmpty ? [] : state.woken()
        }
        for caller in woken { caller.resume() }
    }

    private func end(_ id: UInt64) {
        let caller = state.withLock { state -> CheckedContinuation<Void, Never>? in
            switch state.waiters[id] {
            case .waiting(_, _, let caller):
                state.waiters[id] = nil
                return caller
            case .coming:
                state.waiters[id] = .over
                return nil
            case .over, nil: return nil
            }
        }
        caller?.resume()
    }
}
