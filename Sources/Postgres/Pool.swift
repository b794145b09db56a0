import Logging
import Synchronization

/// The moving parts of a pool around its bookkeeping: connecting, timers, back-off.
final class Pool: ReactorClient {
    typealias Waiter = CheckedContinuation<Result<PostgresConnection, PostgresError>, Never>
    private typealias State = PoolState<PostgresConnection, Waiter>

    private struct Guarded {
        var state: State
        var lastWaiter: UInt64 = 0
        var timerID: UInt64?
        var drain: CheckedContinuation<Void, Never>?
        var drainDeadline: UInt64?
    }

    private static let shortestBackOff: Double = 0.05
    private static let longestBackOff: Double = 1

    private let configuration: PostgresConfiguration
    private let acquireDeadline: Duration
    private let logger: Logger
    private let guarded: Mutex<Guarded>

    init(
        _ configuration: PostgresConfiguration, maximum: Int, acquireDeadline: Duration, heedsRefusals: Bool, logger: Logger
    ) {
        self.configuration = configuration
        self.acquireDeadline = acquireDeadline
        self.logger = logger
        guarded = Mutex(Guarded(state: State(maximum: maximum, heedsRefusals: heedsRefusals)))
    }

    var counts: (connections: Int, waiters: Int) { guarded.withLock { ($0.state.count, $0.state.waiting) } }

    /// - Parameter patience: Waits no longer than this, and never longer than the pool's own deadline.
    func acquire(within patience: Duration? = nil) async throws(PostgresError) -> PostgresConnection {
        let reactor = try Reactor.shared()
        let id = guarded.withLock { guarded in
            guarded.lastWaiter += 1
            return guarded.lastWaiter
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: Waiter) in
                if Task.isCancelled {
                    return waiter.resume(returning: .failure(PostgresError(.cancelled, "the task was cancelled")))
                }
                let deadline = MonotonicClock.after(min(acquireDeadline, patience ?? acquireDeadline))
                change(reactor) { $0.acquire(id: id, deadline: deadline, now: MonotonicClock.now(), waiter) }
            }
        } onCancel: {
            change(reactor) { $0.cancel(id) }
        }
        return try result.get()
    }

    /// Takes a connection back. One that is in a transaction is rolled back before the next caller gets it.
    func release(_ connection: PostgresConnection) {
        let core = connection.core
        if core.isQuiet { return change { $0.release(id: core.id) } }
        guard core.isOpen else { return change { $0.lose(id: core.id, now: MonotonicClock.now()) } }
        // The caller has gone; nobody else can wait for the rollback.
        Task { [self] in
            let reply = await core.run(
                .script("ROLLBACK"), deadline: .seconds(5), unknownWhenLost: false, isCancellable: false)
            if case .success = reply, core.isQuiet {
                change { $0.release(id: core.id) }
            } else {
                core.close(PostgresError(.closed, "the connection could not be cleaned up"))
            }
        }
    }

    func shutdown(patience: Duration) async {
        let deadline = MonotonicClock.after(patience)
        let reactor = try? Reactor.shared()
        await withCheckedContinuation { (drain: CheckedContinuation<Void, Never>) in
            let earlier = guarded.withLock { guarded in
                defer { guarded.drain = drain }
                guarded.drainDeadline = deadline
                return guarded.drain
            }
            earlier?.resume()
            change(reactor) { $0.shutDown() }
        }
        let timer = guarded.withLock { $0.timerID }
        if let timer, let reactor { reactor.remove(timer) }
    }

    /// Nobody has the pool any more: closes what is idle without waiting for what is lent out.
    func abandon() {
        change { $0.shutDown() }
        if let timer = guarded.withLock({ $0.timerID }), let reactor = try? Reactor.shared() { reactor.remove(timer) }
    }

    // MARK: The reactor

    func ready(_ events: UInt32) {}

    func timerFired(_ now: UInt64) {
        let overdue: [PostgresConnection] = guarded.withLock { guarded in
            guard let deadline = guarded.drainDeadline, deadline <= now else { return [] }
            guarded.drainDeadline = nil
            return Array(guarded.state.borrowed.values)
        }
        for connection in overdue { connection.core.close(State.shutDown) }
        change { $0.tick(now) }
    }

    // MARK: Actions

    private func change(_ reactor: Reactor? = nil, _ body: (inout PoolState<PostgresConnection, Waiter>) -> [State.Action]) {
        let (actions, due) = guarded.withLock { guarded in
            let actions = body(&guarded.state)
            return (actions, [guarded.state.nextDue, guarded.drainDeadline].compactMap { $0 }.min())
        }
        if let due, let reactor = reactor ?? (try? Reactor.shared()) { reactor.schedule(timer(reactor), at: due) }
        for action in actions { perform(action) }
    }

    /// The pool's timer; it is made known to the reactor with the first use.
    private func timer(_ reactor: Reactor) -> UInt64 {
        guarded.withLock { guarded in
            if let id = guarded.timerID { return id }
            let id = reactor.newID()
            guarded.timerID = id
            reactor.add(self, id: id)
            return id
        }
    }

    private func perform(_ action: State.Action) {
        switch action {
        case .give(let waiter, let connection): waiter.resume(returning: .success(connection))
        case .fail(let waiter, let error): waiter.resume(returning: .failure(error))
        case .close(let connection): connection.core.close(State.shutDown)
        case .open:
            // A connection belongs to the pool and not to the caller who happened to need it first.
            Task { [self] in await open() }
        case .drained:
            let drain = guarded.withLock { guarded in
                guarded.drainDeadline = nil
                defer { guarded.drain = nil }
                return guarded.drain
            }
            drain?.resume()
        }
    }

    private func open() async {
        do {
            let core = try await ConnectionCore.open(configuration, logger: logger, deadline: configuration.connectTimeout)
            let connection = PostgresConnection(core: core)
            let id = core.id
            change { $0.opened(id: id, connection, now: MonotonicClock.now()) }
            core.onClose { [weak self] in self?.change { $0.lose(id: id, now: MonotonicClock.now()) } }
        } catch {
            let (failures, mayBeFinal) = guarded.withLock { ($0.state.failures, $0.state.mayBeFinal(error)) }
            let longest = min(Self.longestBackOff, Self.shortestBackOff * Double(1 << min(failures, 10)))
            let pause = Double.random(in: longest / 2...longest)
            // Whoever waits hears what is final; and an outage is told of less and less often.
            let isTold = !mayBeFinal && (failures + 1).nonzeroBitCount == 1
            logger.log(
                level: isTold ? .warning : .debug, "no connection to Postgres",
                metadata: ["error": "\(error)", "attempt": "\(failures + 1)", "retry_in_seconds": "\(pause)"])
            change { $0.failed(error, retryAt: MonotonicClock.after(.seconds(pause))) }
        }
    }
}
