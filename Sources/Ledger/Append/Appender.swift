public import Logging
public import Postgres
import Synchronization

/// Appends commands to the ledger, many in one transaction.
///
/// There is one in a process. What is queued is sent, and while that commits the next batch gathers; no timer waits for
/// company. Host `run()` beside the callers; nothing is sent without it.
///
/// When a connection breaks under a batch, nobody knows whether it was committed. Then the same batch goes out again on a new
/// connection, and the events' ids tell; only then are the callers answered. While Postgres is away, a command waits for 2 s at
/// most, and once that has passed everyone hears at once that it is `unavailable`.
public final class Appender: Sendable {
    let server: any AppendServer
    let surroundings: Surroundings
    let maximumEvents: Int
    let signal: LedgerSignal?
    let logger: Logger
    private let state: Mutex<State>

    struct State {
        var queue: AppenderQueue
        /// The writer, asleep because nothing is queued.
        var sleeper: CheckedContinuation<Void, Never>?
        /// Those who wait for the end.
        var closers: [CheckedContinuation<Void, Never>] = []
        var isRunning = false
        var isSweeping = false
    }

    /// - Parameters:
    ///   - configuration: a role that may execute `ledger.append`.
    ///   - maximumBatch: the most events of one transaction, at most 128.
    ///   - queueLimit: the most commands that may wait.
    ///   - patience: how long a command waits while Postgres is away, before everyone is refused at once.
    ///   - signal: is told of every commit.
    public convenience init(
        configuration: PostgresConfiguration, maximumBatch: Int = 128, queueLimit: Int = 16_384,
        patience: Duration = .seconds(2), signal: LedgerSignal? = nil, logger: Logger
    ) {
        self.init(
            server: PostgresAppendServer(configuration, logger: logger), surroundings: .machine, maximumBatch: maximumBatch,
            queueLimit: queueLimit, patience: patience, signal: signal, logger: logger)
    }

    package init(
        server: any AppendServer, surroundings: Surroundings, maximumBatch: Int = 128, queueLimit: Int = 16_384,
        patience: Duration = .seconds(2), signal: LedgerSignal? = nil, logger: Logger
    ) {
        self.server = server
        self.surroundings = surroundings
        self.maximumEvents = min(max(1, maximumBatch), Command.maximumEvents)
        self.signal = signal
        self.logger = logger
        state = Mutex(State(queue: AppenderQueue(limit: queueLimit, patience: patience)))
    }

    /// Appends a command, and returns when its events are durable or refused for a reason that is an answer.
    ///
    /// The task's cancellation does not end it: an append that was sent can't be taken back. The deadline does, to within a
    /// twentieth of a second.
    public func append(_ command: Command, deadline: Duration = .seconds(10)) async throws(AppendError) -> AppendResult {
        let now = surroundings.now()
        let answer = await withCheckedContinuation { (caller: AppenderQueue.Caller) in
            var wake: CheckedContinuation<Void, Never>?
            var sweep = false
            let refusal = state.withLock { state -> AppendError? in
                let refusal = state.queue.enqueue(command, deadline: now + deadline, now: now, caller: caller)
                guard refusal == nil else { return refusal }
                wake = state.sleeper
                state.sleeper = nil
                sweep = !state.isSweeping
                state.isSweeping = true
                return nil
            }
            wake?.resume()
            if sweep { startSweeping() }
            if let refusal { caller.resume(returning: .failure(refusal)) }
        }
        return try answer.get()
    }

    /// The writer: returns after `shutdown()` or cancellation, when everything that was accepted is answered.
    /// - Throws: `AppenderUnfit` when the server is not fit to hold a ledger, for example with `synchronous_commit` off. One that
    ///   was fit before is waited for, as one that is away is.
    public func run() async throws {
        let claimed = state.withLock { state in
            defer { state.isRunning = true }
            return !state.isRunning && state.queue.phase != .stopped
        }
        guard claimed else { return }
        // Not a child task: what was accepted must still go out after a cancellation. Two appends stand in every request, and
        // each hop between threads that they are spared is one less to wait for.
        let writer = Task(executorPreference: surroundings.executor ?? PostgresExecutor.shared) {
            var writer = AppenderWriter(self)
            return await writer.run()
        }
        let failure = await withTaskCancellationHandler {
            await writer.value
        } onCancel: {
            close()
        }
        stop()
        if let failure { throw failure }
    }

    /// Accepts no more, sends what waits, and returns when all callers have their answers.
    public func shutdown() async {
        close()
        await withCheckedContinuation { (closer: CheckedContinuation<Void, Never>) in
            let done = state.withLock { state in
                if state.queue.phase == .stopped || !state.isRunning { return true }
                state.closers.append(closer)
                return false
            }
            if done {
                stop()
                closer.resume()
            }
        }
    }

    /// Whether Postgres answered last time.
    public var isAvailable: Bool { state.withLock { $0.queue.statistics.isAvailable } }

    /// Whether the next command can be expected to be appended: Postgres is not away for longer than callers wait, and does not
    /// refuse what it is sent although it answers, as where a right was lost or a disk is full.
    public var isReady: Bool {
        let now = surroundings.now()
        return state.withLock { $0.queue.isReady(at: now) }
    }

    /// Has the writer look every second whether its connection stands, until cancelled: who appends nothing would learn only from
    /// the next command that Postgres has gone.
    public func watch() async {
        while !Task.isCancelled {
            await surroundings.sleep(.seconds(1))
            let sleeper = state.withLock { $0.sleeper.take() }
            sleeper?.resume()
        }
    }

    /// Counters since the start.
    public var statistics: AppenderStatistics {
        state.withLock { state in
            var statistics = state.queue.statistics
            statistics.queued = state.queue.queued.count
            return statistics
        }
    }

    /// Lets the writer and the callers change the queue; the continuations that `body` gives back are resumed outside the lock.
    func withQueue<R>(_ body: (inout AppenderQueue) -> R) -> R { state.withLock { body(&$0.queue) } }

    /// Returns when the writer has something to do, or false when nothing more will come.
    func waitForWork() async -> Bool {
        await withCheckedContinuation { (sleeper: CheckedContinuation<Void, Never>) in
            let now = state.withLock { state in
                if state.queue.wantsWriter { return true }
                state.sleeper = sleeper
                return false
            }
            if now { sleeper.resume() }
        }
        return state.withLock { !$0.queue.queued.isEmpty || $0.queue.phase == .open }
    }

    private func close() {
        let wake = state.withLock { state in
            state.queue.drain()
            defer { state.sleeper = nil }
            return state.sleeper
        }
        wake?.resume()
    }

    private func stop() {
        let (answers, closers) = state.withLock { state in
            defer { state.closers = [] }
            return (state.queue.stop(), state.closers)
        }
        for (caller, error) in answers { caller.resume(returning: .failure(error)) }
        for closer in closers { closer.resume() }
    }

    /// Keeps the deadlines of those who wait, and ends when nobody does. It is a task of its own because a caller's deadline
    /// holds whether or not the writer runs.
    private func startSweeping() {
        Task(executorPreference: surroundings.executor) {
            while true {
                await self.surroundings.sleep(.milliseconds(50))
                let (expired, done) = self.state.withLock { state in
                    let expired = state.queue.expire(at: self.surroundings.now())
                    state.isSweeping = !state.queue.isEmpty
                    return (expired, state.queue.isEmpty)
                }
                for (caller, error) in expired { caller.resume(returning: .failure(error)) }
                if done { return }
            }
        }
    }
}
