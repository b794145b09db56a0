import DequeModule

/// What a pool knows: pure bookkeeping without I/O, clocks or random numbers. `Connection` is a parameter so that tests need
/// no server.
struct PoolState<Connection: Sendable, Waiter: Sendable> {
    /// What has to be done outside the lock.
    enum Action {
        case give(Waiter, Connection)
        case fail(Waiter, PostgresError)
        case open
        case close(Connection)
        case drained
    }

    private let maximum: Int
    /// The most recently used comes last and goes first, so that surplus connections stay idle.
    private(set) var idle: [(id: UInt64, connection: Connection)] = []
    private(set) var borrowed: [UInt64: Connection] = [:]
    private(set) var opening = 0
    private var waiters: Deque<(id: UInt64, deadline: UInt64, waiter: Waiter)> = []
    /// Attempts that failed since the last one that succeeded.
    private(set) var failures = 0
    private var retryAt: UInt64 = 0
    private var lastFailure: PostgresError?
    private(set) var isShutDown = false
    /// Whether an attempt ever succeeded.
    private var hasOpened = false
    /// Whether the last attempt that was waited for was refused; several may be under way at first.
    private var wasRefused = false
    private let heedsRefusals: Bool

    init(maximum: Int, heedsRefusals: Bool = true) {
        self.maximum = max(1, maximum)
        self.heedsRefusals = heedsRefusals
    }

    var count: Int { idle.count + borrowed.count + opening }
    var waiting: Int { waiters.count }

    /// When something is due: the first waiter's deadline, or the next attempt to connect that somebody waits for.
    var nextDue: UInt64? {
        guard let first = waiters.first else { return nil }
        return failures > 0 && opening == 0 && count < maximum ? min(first.deadline, retryAt) : first.deadline
    }

    mutating func acquire(id: UInt64, deadline: UInt64, now: UInt64, _ waiter: Waiter) -> [Action] {
        if isShutDown { return [.fail(waiter, Self.shutDown)] }
        if let (id, connection) = idle.popLast() {
            borrowed[id] = connection
            return [.give(waiter, connection)]
        }
        waiters.append((id, deadline, waiter))
        return openings(now)
    }

    /// A waiter's task was cancelled.
    mutating func cancel(_ id: UInt64) -> [Action] {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return [] }
        return [.fail(waiters.remove(at: index).waiter, PostgresError(.cancelled, "the task was cancelled while it waited"))]
    }

    /// A connection came back, usable.
    mutating func release(id: UInt64) -> [Action] {
        guard let connection = borrowed.removeValue(forKey: id) else { return [] }
        return offer(id, connection)
    }

    /// A connection is gone, wherever it was.
    mutating func lose(id: UInt64, now: UInt64) -> [Action] {
        let wasBorrowed = borrowed.removeValue(forKey: id) != nil
        let index = idle.firstIndex { $0.id == id }
        if let index { idle.remove(at: index) }
        guard wasBorrowed || index != nil else { return [] }
        return openings(now) + drained()
    }

    /// An attempt to connect succeeded.
    mutating func opened(id: UInt64, _ connection: Connection, now: UInt64) -> [Action] {
        opening -= 1
        hasOpened = true
        failures = 0
        lastFailure = nil
        return offer(id, connection) + openings(now)
    }

    /// An attempt to connect failed; the next one waits until `retryAt`, and meanwhile the waiters do. Where nothing was ever let in and
    /// the server refuses a second time, they do not wait for what hardly passes by itself.
    mutating func failed(_ error: PostgresError, retryAt: UInt64) -> [Action] {
        opening -= 1
        failures += 1
        lastFailure = error
        self.retryAt = retryAt
        let isFinal = wasRefused && mayBeFinal(error)
        if opening == 0 { wasRefused = error.isRefusal }
        guard isFinal else { return drained() }
        let actions: [Action] = waiters.map { .fail($0.waiter, error) }
        waiters = []
        return actions + drained()
    }

    /// Whether the settings seem wrong. Of those that were right before it may be that somebody is changing them.
    func mayBeFinal(_ error: PostgresError) -> Bool { heedsRefusals && !hasOpened && error.isRefusal }

    /// Something may be due.
    mutating func tick(_ now: UInt64) -> [Action] {
        var actions: [Action] = []
        while let first = waiters.first, first.deadline <= now {
            waiters.removeFirst()
            actions.append(.fail(first.waiter, exhaustion()))
        }
        return actions + openings(now)
    }

    /// Fails the waiters and closes what is idle; what is borrowed is closed when it comes back.
    mutating func shutDown() -> [Action] {
        isShutDown = true
        var actions: [Action] = waiters.map { .fail($0.waiter, Self.shutDown) }
        actions += idle.map { .close($0.connection) }
        waiters = []
        idle = []
        return actions + drained()
    }

    static var shutDown: PostgresError { PostgresError(.closed, "the pool was shut down") }

    private func exhaustion() -> PostgresError {
        if let lastFailure { return PostgresError(.connectionFailed, lastFailure.message, sqlState: lastFailure.sqlState) }
        return PostgresError(.poolExhausted, "none of \(maximum) connections came free in time")
    }

    private mutating func offer(_ id: UInt64, _ connection: Connection) -> [Action] {
        if isShutDown { return [.close(connection)] + drained() }
        guard let first = waiters.popFirst() else {
            idle.append((id, connection))
            return []
        }
        borrowed[id] = connection
        return [.give(first.waiter, connection)]
    }

    /// One connection for each waiter that has none under way; after a failure one attempt at a time.
    private mutating func openings(_ now: UInt64) -> [Action] {
        guard !isShutDown else { return [] }
        let limit = failures == 0 ? maximum : retryAt <= now ? 1 : 0
        let wanted = min(waiters.count, limit) - opening
        let number = max(0, min(wanted, maximum - count))
        opening += number
        return Array(repeating: .open, count: number)
    }

    private func drained() -> [Action] { isShutDown && count == 0 ? [.drained] : [] }
}
