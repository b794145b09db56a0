import CCurl
import Glibc
import Synchronization

/// How any thread tells the reactor what to do. The reactor is woken only while it sleeps, so that under load a command
/// costs no system call.
final class Inbox: Sendable {
    enum Command {
        case start(Transfer)
        /// The caller is gone.
        case cancel(Transfer)
        /// The caller wants no more than what has come.
        case stop(Transfer)
        /// The reader has taken what was held.
        case resume(Transfer)
        /// The request body's producer has more.
        case feed(Transfer)
        case shutDown
    }

    private struct State {
        var commands: [Command] = []
        var asleep = false
        var closed = false
        var whenClosed: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    /// An eventfd that is readable when the reactor should look here; -1 when there is none.
    let event: Int32
    let inFlight = Atomic(0)
    let connectionsOpened = Atomic(0)

    init() { event = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)) }

    deinit { if event >= 0 { Glibc.close(event) } }

    /// False when the reactor has ended.
    @discardableResult
    func push(_ command: consuming Command) -> Bool {
        let command = command
        let (open, wake) = state.withLock { state -> (Bool, Bool) in
            guard !state.closed else { return (false, false) }
            state.commands.append(command)
            defer { state.asleep = false }
            return (true, state.asleep)
        }
        if wake {
            var one: UInt64 = 1
            _ = write(event, &one, 8)
        }
        return open
    }

    /// Swaps in an empty list and hands out what was there.
    func drain(into commands: inout [Command]) {
        state.withLock { state in
            state.asleep = false
            swap(&state.commands, &commands)
        }
    }

    /// To be asked before sleeping; false when there is work.
    func prepareToSleep() -> Bool {
        state.withLock { state in
            state.asleep = state.commands.isEmpty
            return state.asleep
        }
    }

    /// Takes no more commands; gives back those that nobody will perform.
    func close() -> [Command] {
        let (commands, waiting) = state.withLock { state in
            state.closed = true
            defer {
                state.commands = []
                state.whenClosed = []
            }
            return (state.commands, state.whenClosed)
        }
        for continuation in waiting { continuation.resume() }
        return commands
    }

    /// Returns when the reactor has ended.
    func waitUntilClosed() async {
        await withCheckedContinuation { continuation in
            let closed = state.withLock { state in
                if !state.closed { state.whenClosed.append(continuation) }
                return state.closed
            }
            if closed { continuation.resume() }
        }
    }
}
