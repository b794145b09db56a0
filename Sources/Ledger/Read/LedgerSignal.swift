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
        case waiting(beyond: Int64, CheckedContinuation<Void, Never>)
    }

    private struct State {
        var position: Int64 = 0
        /// The highest position that this process itself committed.
        var own: Int64 = 0
        var waiters: [UInt64: Waiter] = [:]
        var nextID: UInt64 = 0

        /// Takes out everyone who waits for no more than the present position.
        mutating func woken() -> [CheckedContinuation<Void, Never>] {
            var woken: [CheckedContinuation<Void, Never>] = []
            for (id, waiter) in waiters {
                guard case .waiting(let beyond, let caller) = waiter, beyond < position else { continue }
                waiters[id] = nil
                woken.append(caller)
            }
            return woken
        }
    }

    public init() {}

    /// The highest position that is known to be in the ledger; 0 before the first signal.
    public var position: Int64 { state.withLock { $0.position } }

    /// The highest position that this process committed.
    var ownPosition: Int64 { state.withLock { $0.own } }

    /// Events up to `position` are committed, by this process.
    public func signal(_ position: Int64) { raise(position, own: true) }

    /// Events up to `position` are committed, by another process.
    func signalFromElsewhere(_ position: Int64) { raise(position, own: false) }

    /// Returns the known position as soon as it is beyond `position`, or when the time is over, or when the task is cancelled.
    @discardableResult
    public func wait(beyond position: Int64, atMost duration: Duration) async -> Int64 {
        let (known, id) = state.withLock { state in
            guard state.position <= position else { return (state.position, UInt64?.none) }
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
                    if case .coming = state.waiters[id], state.position <= position {
                        state.waiters[id] = .waiting(beyond: position, caller)
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

    private func raise(_ position: Int64, own: Bool) {
        let woken = state.withLock { state in
            if own { state.own = max(state.own, position) }
            guard position > state.position else { return [CheckedContinuation<Void, Never>]() }
            state.position = position
            return state.waiters.isEmpty ? [] : state.woken()
        }
        for caller in woken { caller.resume() }
    }

    private func end(_ id: UInt64) {
        let caller = state.withLock { state -> CheckedContinuation<Void, Never>? in
            switch state.waiters[id] {
            case .waiting(_, let caller):
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
