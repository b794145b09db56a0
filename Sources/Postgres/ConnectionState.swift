import CPostgres
import DequeModule
import Glibc

/// Everything about a connection that changes. Its owner's lock guards it; no call blocks, and what has to happen outside
/// the lock is gathered in `effects`.
struct ConnectionState: ~Copyable {
    /// How long a cancelled statement may take to come back before the connection is given up.
    static let cancelPatience: UInt64 = 5_000_000_000
    /// How long after a request to cancel the server is asked again.
    static let cancelInterval: UInt64 = 200_000_000
    /// How many statements may wait for one connection.
    static let queueLimit = 4096

    /// Nil once the connection is closed or lost.
    var pg: OpaquePointer?
    let id: UInt64
    let socket: Int32
    let reactor: Reactor
    let notices: Unmanaged<NoticeSink>
    /// OpenSSL's state of the connection, when it is encrypted.
    private let tls: UnsafeMutableRawPointer?

    var queue: Deque<(entry: Entry, waiter: Waiter?)> = []
    var active: Active?
    /// Outcomes of COPYs whose task was not waiting when they ended.
    var parked: [UInt64: Reply] = [:]
    /// Data of a COPY … TO STDOUT that its reader has not taken yet.
    var copied: [UInt8] = []
    /// Whether `copied` ends with the last of them.
    var copyIsOver = false
    /// A cancel request is on its way: whatever started now could be hit by it.
    var cancelPending = false
    /// When a statement that was cancelled must have come back.
    var giveUpAt: UInt64 = .max
    /// When the server is asked again to cancel the active statement.
    var cancelAgainAt: UInt64 = .max
    var cache: StatementCache
    let parameters = ParameterBuffer()
    var listeners: [String: [UInt64: AsyncStream<String>.Continuation]] = [:]
    /// Set between the BEGIN and the COMMIT of `withTransaction`: a lost connection then means that nothing took effect.
    var isInManagedTransaction = false
    /// Why the connection is gone.
    var lost: PostgresError?
    var effects: [Effect] = []
    /// The timer that the reactor holds for this connection; it may be earlier than needed and then is set anew.
    private var timer: UInt64 = .max
    /// libpq has unsent bytes, so the reactor waits for room.
    private(set) var isWriting = false
    /// The reactor does not watch the socket because the reader of a COPY is behind.
    private var isPaused = false

    init(_ opened: OpenedConnection, id: UInt64, reactor: Reactor, statementLimit: Int) {
        pg = opened.pointer
        socket = PQsocket(opened.pointer)
        self.id = id
        self.reactor = reactor
        tls = PQsslInUse(opened.pointer) != 0 ? PQsslStruct(opened.pointer, "OpenSSL") : nil
        notices = opened.notices
        cache = StatementCache(limit: statementLimit)
    }

    mutating func takeEffects() -> [Effect] {
        if effects.isEmpty { return [] }
        defer { effects = [] }
        return effects
    }

    // MARK: Waiting

    /// Has the reactor call `expire` at `time` at the latest.
    mutating func wake(at time: UInt64) {
        guard time < timer else { return }
        timer = time
        reactor.schedule(id, at: time)
    }

    /// Sends what libpq has buffered, and has the reactor wait for room when the socket is full.
    mutating func flush() {
        guard let pg else { return }
        let result = PQflush(pg)
        if result < 0 { return lose(lossError()) }
        guard (result > 0) != isWriting else { return }
        isWriting = result > 0
        if !isPaused { _ = watch(isNew: false) }
    }

    /// Begins to watch the socket; false when the system has no room for it.
    mutating func watch(isNew: Bool) -> Bool {
        let events = isWriting ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue
        return reactor.watch(socket, id: id, events: events, isNew: isNew)
    }

    mutating func pauseReading() {
        guard !isPaused else { return }
        isPaused = true
        reactor.unwatch(socket)
    }

    mutating func resumeReading() {
        guard isPaused, pg != nil else { return }
        isPaused = false
        if !watch(isNew: true) { lose(PostgresError(.connectionLost, "the connection can't be watched any more")) }
    }

    // MARK: Events

    /// The socket is ready (the bits of epoll).
    mutating func ready(_ events: UInt32) {
        guard let pg else { return }
        if events & EPOLLOUT.rawValue != 0 {
            flush()
            if !isWriting, active?.phase == .copyIn { resumeWaiter(.success(.writable)) }
        }
        guard events & ~EPOLLOUT.rawValue != 0, self.pg != nil else { return }
        if isReaderBehind { return pauseReading() }
        let isAlive = consumeInput(pg)
        if isWriting { flush() }
        if isAlive || active?.phase != .copyOut { drain() }
        deliverNotifications()
        guard self.pg != nil else { return }
        if !isAlive || PQstatus(pg) == CONNECTION_BAD { return lose(lossError()) }
        startNext()
    }

    /// Ends what waits for too long.
    mutating func expire(_ now: UInt64) {
        guard pg != nil else { return }
        timer = .max
        if giveUpAt <= now {
            return lose(PostgresError(.connectionLost, "a cancelled statement did not come back in time"))
        }
        cancelAgain(now)
        var index = 0
        while index < queue.count {
            if queue[index].entry.deadline <= now {
                let late = queue.remove(at: index)
                answer(late.entry, late.waiter, .failure(Self.abandonment(.deadlineExceeded, isSent: false)))
            } else {
                index += 1
            }
        }
        if let active, active.abandoned == nil, active.entry.deadline <= now {
            abandon(active.entry.id, .deadlineExceeded)
        }
        var next = min(giveUpAt, cancelAgainAt)
        if let active, active.abandoned == nil { next = min(next, active.entry.deadline) }
        for waiting in queue { next = min(next, waiting.entry.deadline) }
        if next != .max { wake(at: next) }
    }

    /// Reads what has arrived; false when the connection is broken.
    func consumeInput(_ pg: OpaquePointer) -> Bool {
        repeat {
            if PQconsumeInput(pg) == 0 { return false }
            // libpq leaves the rest of a TLS record to OpenSSL when its buffer is full, and the socket does not show it.
        } while tls.map { TLSPending.count($0) > 0 } ?? false
        return true
    }

    private mutating func deliverNotifications() {
        guard let pg else { return }
        while let notification = PQnotifies(pg) {
            defer { PQfreemem(notification) }
            guard let name = notification.pointee.relname, let listening = listeners[String(cString: name)] else { continue }
            let payload = notification.pointee.extra.map { String(cString: $0) } ?? ""
            for continuation in listening.values { effects.append(.notify(continuation, payload)) }
        }
    }

    // MARK: Answers

    mutating func resumeWaiter(_ reply: Reply) {
        guard let waiter = active?.waiter else { return }
        active?.waiter = nil
        effects.append(.resume(waiter, reply))
    }

    /// Gives an outcome to who waits for it, or keeps it for the task of a COPY that will ask.
    mutating func answer(_ entry: Entry, _ waiter: Waiter?, _ reply: Reply) {
        if let waiter {
            effects.append(.resume(waiter, reply))
        } else if !entry.isInternal {
            parked[entry.id] = reply
        }
    }

    static func abandonment(_ code: PostgresError.Code, isSent: Bool, outcomeUnknown: Bool = false) -> PostgresError {
        let what = code == .cancelled ? "the task was cancelled" : "the deadline passed"
        let when = isSent ? "and the statement was cancelled" : "before the statement was sent"
        return PostgresError(code, "\(what) \(when)", outcomeUnknown: outcomeUnknown)
    }

    // MARK: The end

    /// What libpq says about a broken connection.
    func lossError() -> PostgresError {
        let message = pg.flatMap { PostgresError.firstLine(of: PQerrorMessage($0)) }
        return PostgresError(.connectionLost, message ?? "the server closed the connection")
    }

    /// Closes the connection and fails all that wait. What was not sent has certainly not taken effect.
    mutating func lose(_ error: PostgresError) {
        guard let pg else { return }
        lost = error
        self.pg = nil
        if !isPaused { reactor.unwatch(socket) }
        reactor.remove(id)
        PQfinish(pg)
        notices.release()
        // First, so that whoever hears of the failure finds the connection closed.
        effects.append(.closed)
        if let active {
            self.active = nil
            answer(active.entry, active.waiter, .failure(Self.failure(of: active, error)))
        }
        while let waiting = queue.popFirst() { answer(waiting.entry, waiting.waiter, .failure(error)) }
        for continuation in listeners.values.flatMap(\.values) { effects.append(.finish(continuation)) }
        listeners = [:]
    }

    private static func failure(of active: Active, _ error: PostgresError) -> PostgresError {
        if let code = active.abandoned {
            return abandonment(code, isSent: true, outcomeUnknown: active.isUnknownNow)
        }
        var failure = active.error ?? error
        for case .failure(let known)? in active.list where known.code == .connectionLost { failure = known }
        failure.outcomeUnknown = active.isUnknownNow
        return failure
    }
}
