import CPostgres
import Logging
import Synchronization

/// A connection as its callers and the reactor share it: the state, its lock, and what is done outside the lock.
final class ConnectionCore: ReactorClient {
    let id: UInt64
    let backendPID: Int32
    private let state: Mutex<ConnectionState>
    /// New statements wait here while another thread holds the state, so that no caller waits for that thread's system calls.
    private let inbox = Mutex<[(entry: Entry, waiter: Waiter?)]>([])
    private let inboxIsEmpty = Atomic<Bool>(true)
    private let isOpenFlag = Atomic<Bool>(true)
    private let lastEntry = Atomic<UInt64>(0)
    private let closeHandler = Mutex<(@Sendable () -> Void)?>(nil)

    private init(_ opened: OpenedConnection, reactor: Reactor, configuration: PostgresConfiguration) {
        id = reactor.newID()
        backendPID = PQbackendPID(opened.pointer)
        state = Mutex(
            ConnectionState(
                opened, id: id, reactor: reactor, statementLimit: configuration.preparedStatementLimit))
    }

    /// Opens a connection and has the reactor watch it.
    static func open(
        _ configuration: PostgresConfiguration, logger: Logger, deadline: Duration
    ) async throws(PostgresError) -> ConnectionCore {
        let reactor = try Reactor.shared()
        let opened = try await ConnectionOpening.open(
            configuration, reactor: reactor, deadline: MonotonicClock.after(min(deadline, configuration.connectTimeout)),
            logger: logger)
        let core = ConnectionCore(opened, reactor: reactor, configuration: configuration)
        reactor.add(core, id: core.id)
        guard core.state.withLock({ $0.watch(isNew: true) }) else {
            let error = PostgresError(.connectionFailed, "the connection can't be watched")
            core.close(error)
            throw error
        }
        return core
    }

    var isOpen: Bool { isOpenFlag.load(ordering: .acquiring) }

    /// Whether nothing runs or waits and no transaction is open, so that another caller may have the connection.
    var isQuiet: Bool {
        state.withLock { state in
            guard let pg = state.pg else { return false }
            return state.active == nil && state.queue.isEmpty && PQtransactionStatus(pg) == PQTRANS_IDLE
        }
    }

    /// Called once, from any thread, when the connection is gone; at once when it already is.
    func onClose(_ handler: @escaping @Sendable () -> Void) {
        closeHandler.withLock { $0 = handler }
        if !isOpen { callCloseHandler() }
    }

    private func callCloseHandler() {
        let handler = closeHandler.withLock { handler in
            defer { handler = nil }
            return handler
        }
        handler?()
    }

    // MARK: Statements

    func newEntryID() -> UInt64 { lastEntry.add(1, ordering: .relaxed).newValue }

    /// Queues a statement and waits for its outcome; a COPY comes back as soon as it has started.
    func run(
        _ work: Work, deadline: Duration, id: UInt64? = nil, unknownWhenLost: Bool? = nil, isCancellable: Bool = true
    ) async -> Reply {
        let entry = Entry(
            id: id ?? newEntryID(), work: work, deadline: MonotonicClock.after(deadline), unknownWhenLost: unknownWhenLost,
            isCancellable: isCancellable, isInternal: false)
        guard isCancellable else {
            return await withCheckedContinuation { waiter in submit(entry, waiter) }
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in submit(entry, waiter) }
        } onCancel: {
            abandon(entry.id)
        }
    }

    private func submit(_ entry: Entry, _ waiter: Waiter?) {
        let isRefused = inbox.withLock { inbox in
            // The flag is set before the task's handlers run: a handler that came too early to find the entry is seen here.
            if entry.isCancellable, Task.isCancelled { return true }
            inbox.append((entry, waiter))
            inboxIsEmpty.store(false, ordering: .relaxed)
            return false
        }
        if isRefused {
            waiter?.resume(returning: .failure(ConnectionState.abandonment(.cancelled, isSent: false)))
        } else {
            driveInbox()
        }
    }

    /// Takes new statements to the state, unless a thread holds it: that one looks at the inbox when it is done.
    private func driveInbox() {
        while true {
            // Between filling the inbox and asking for the lock, and between leaving the lock and looking at the inbox: of
            // two threads at least one sees what the other did.
            atomicMemoryFence(ordering: .sequentiallyConsistent)
            if inboxIsEmpty.load(ordering: .relaxed) { return }
            let effects: [Effect]? = state.withLockIfAvailable { state in
                takeInbox(&state)
                return state.takeEffects()
            }
            guard let effects else { return }
            for effect in effects { perform(effect) }
        }
    }

    private func takeInbox(_ state: inout ConnectionState) {
        if inboxIsEmpty.load(ordering: .relaxed) { return }
        let new = inbox.withLock { inbox in
            inboxIsEmpty.store(true, ordering: .relaxed)
            defer { inbox = [] }
            return inbox
        }
        for (entry, waiter) in new { state.enqueue(entry, waiter) }
        state.startNext()
    }

    /// Asks the server to cancel a statement of a cancelled task, or takes it out of the queue.
    func abandon(_ id: UInt64) { change { $0.abandon(id, .cancelled) } }

    /// Marks the span in which a lost connection means that nothing took effect.
    func setManagedTransaction(_ isManaged: Bool) { state.withLock { $0.isInManagedTransaction = isManaged } }

    /// Fails all that runs and waits, and closes.
    func close(_ error: PostgresError) { change { $0.lose(error) } }

    // MARK: COPY

    /// Sends data of a running COPY … FROM STDIN and waits until the socket has taken them.
    func put(_ id: UInt64, _ bytes: [UInt8]) async -> Reply {
        var reply: Reply?
        change { reply = $0.putCopyData(id, bytes) }
        if let reply { return reply }
        return await waitForCopy(id) { $0.waitForRoom(id, $1) }
    }

    /// Ends a COPY … FROM STDIN, undoing it when there is a failure, and waits for its outcome.
    func finishCopy(_ id: UInt64, failure: String?) async -> Reply {
        await waitForCopy(id) { $0.finishCopy(id, failure: failure, $1) }
    }

    /// The next data of a COPY … TO STDOUT, or its outcome.
    func readCopy(_ id: UInt64) async -> Reply {
        await waitForCopy(id) { $0.readCopyData(id, $1) }
    }

    private func waitForCopy(_ id: UInt64, _ body: (inout ConnectionState, Waiter) -> Void) async -> Reply {
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in change { body(&$0, waiter) } }
        } onCancel: {
            abandon(id)
        }
    }

    // MARK: Notifications

    func addListener(_ channel: String, _ continuation: AsyncStream<String>.Continuation) -> UInt64 {
        let token = newEntryID()
        change { state in
            if state.lost == nil {
                state.listeners[channel, default: [:]][token] = continuation
            } else {
                state.effects.append(.finish(continuation))
            }
        }
        return token
    }

    /// Stops listening; the last listener of a channel takes the server's registration with it.
    func removeListener(_ channel: String, _ token: UInt64) {
        let entry = Entry(
            id: newEntryID(), work: .script("UNLISTEN \(Self.quoted(channel))"),
            deadline: MonotonicClock.after(.seconds(30)), unknownWhenLost: false, isCancellable: false, isInternal: true)
        change { state in
            guard state.listeners[channel]?.removeValue(forKey: token) != nil else { return }
            guard state.listeners[channel]?.isEmpty ?? false else { return }
            state.listeners[channel] = nil
            guard state.lost == nil else { return }
            state.enqueue(entry, nil)
            state.startNext()
        }
    }

    static func quoted(_ identifier: String) -> String {
        var quoted = "\""
        for character in identifier {
            if character == "\"" { quoted.append("\"") }
            quoted.append(character)
        }
        return quoted + "\""
    }

    // MARK: The reactor

    func ready(_ events: UInt32) { change { $0.ready(events) } }

    func timerFired(_ now: UInt64) { change { $0.expire(now) } }

    /// Changes the state, then does what the change asks for outside the lock.
    private func change(_ body: (inout ConnectionState) -> Void) {
        let effects = state.withLock { state in
            takeInbox(&state)
            body(&state)
            return state.takeEffects()
        }
        for effect in effects { perform(effect) }
        driveInbox()
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .resume(let waiter, let reply): waiter.resume(returning: reply)
        case .notify(let continuation, let payload): continuation.yield(payload)
        case .finish(let continuation): continuation.finish()
        case .cancel(let request):
            let started = HelperThread.start { [self] in
                request.send()
                change { $0.cancelSent() }
            }
            if !started { close(PostgresError(.connectionLost, "no thread is left to cancel a statement")) }
        case .closed:
            isOpenFlag.store(false, ordering: .releasing)
            callCloseHandler()
        }
    }
}
