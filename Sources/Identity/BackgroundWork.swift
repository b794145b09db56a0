internal import Logging
internal import Synchronization

/// Work that goes on behind an answer, so that the answer takes equally long whether there is any: a mail to somebody who
/// has an account, and none to somebody who has not.
final class BackgroundWork: Sendable {
    private struct State {
        var running = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let maximum: Int
    private let logger: Logger

    init(maximum: Int, logger: Logger) {
        self.maximum = maximum
        self.logger = logger
    }

    /// Starts `body`, which has deadlines of its own, and returns at once. Beyond the maximum it is dropped.
    func run(_ what: String, _ body: @escaping @Sendable () async throws -> Void) {
        let starts = state.withLock { state in
            guard state.running < maximum else { return false }
            state.running += 1
            return true
        }
        guard starts else {
            logger.error("work was dropped: too much goes on already", metadata: ["work": "\(what)"])
            return
        }
        // Not a child of the request's task: the client who has its answer must not end it.
        Task {
            do {
                try await body()
            } catch {
                logger.warning("work failed", metadata: ["work": "\(what)", "error": "\(error)"])
            }
            let waiters = state.withLock { state in
                state.running -= 1
                guard state.running == 0 else { return [CheckedContinuation<Void, Never>]() }
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume() }
        }
    }

    /// Returns when nothing runs.
    func drain() async {
        await withCheckedContinuation { (caller: CheckedContinuation<Void, Never>) in
            let isIdle = state.withLock { state in
                if state.running > 0 { state.waiters.append(caller) }
                return state.running == 0
            }
            if isIdle { caller.resume() }
        }
    }
}
