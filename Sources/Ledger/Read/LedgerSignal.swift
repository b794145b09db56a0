import Synchronization

/// Wakes those who follow the ledger when it has grown.
///
/// Within a process `signal` wakes at once. `LedgerSignalBridge` carries it to other processes and back. A signal may be
/// lost or early, so whoever waits must ask the ledger, and must not wait without an end.
public final class LedgerSignal: Sendable {
    private let state = Mutex(State())

    public init() {}

    /// The highest position that is known to be in the ledger; 0 before the first signal.
    public var position: Int64 { state.withLock { $0.position } }

    /// Events up to `position` are committed: by this process, so that other processes hear of it too.
    public func signal(_ position: Int64) { preconditionFailure("not built yet") }

    /// Returns the known position when it is beyond `position`, or when the time is over or the task is cancelled.
    @discardableResult
    public func wait(beyond position: Int64, atMost duration: Duration) async -> Int64 { preconditionFailure("not built yet") }

    private struct State {
        var position: Int64 = 0
    }
}
