import CPostgres
import Glibc
import Synchronization

/// What the reactor calls: a connection, or something that only needs a timer.
protocol ReactorClient: AnyObject, Sendable {
    /// The socket has something to read, room to write, or an error (the bits of epoll).
    func ready(_ events: UInt32)
    /// The time that was scheduled has come.
    func timerFired(_ now: UInt64)
}

/// The one thread that waits for the sockets and the deadlines of every connection of the process.
///
/// A statement is written by the thread that asks for it, when its connection is free, and its answer is read here: one hop
/// for each statement, and none for a task that runs here itself (``PostgresExecutor``). The thread is woken through an
/// eventfd only when it sleeps and a job comes, or a timer before the one it sleeps for.
final class Reactor: TaskExecutor {
    private static let instance = Mutex<Reactor?>(nil)

    /// The process's reactor, started with the first connection.
    static func shared() throws(PostgresError) -> Reactor {
        try instance.withLock { (instance) throws(PostgresError) in
            if let reactor = instance { return reactor }
            let reactor = try Reactor()
            instance = reactor
            return reactor
        }
    }

    private struct State {
        var nextID: UInt64 = 1
        var clients: [UInt64: any ReactorClient] = [:]
        var timers: [UInt64: UInt64] = [:]
        /// The earliest timer; the thread never sleeps beyond it.
        var earliest: UInt64 = .max
    }

    private struct Jobs {
        var waiting: [UnownedJob] = []
        /// The thread sleeps, or is about to, and has not been woken.
        var isAsleep = false
    }

    private static let wakeID: UInt64 = 0
    private let epoll: Int32
    private let wake: Int32
    private let state = Mutex(State())
    private let jobs = Mutex(Jobs())

    private init() throws(PostgresError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: Self.wakeID))
        guard epoll >= 0, wake >= 0, epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) == 0,
            HelperThread.detach({ [self] in run() })
        else {
            Glibc.close(epoll)
            Glibc.close(wake)
            throw PostgresError(.connectionFailed, "no thread or descriptor is left to wait for connections")
        }
    }

    /// A number by which a client is known to the reactor.
    func newID() -> UInt64 {
        state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
    }

    /// Makes a client known; it is kept alive until it is removed.
    func add(_ client: any ReactorClient, id: UInt64) {
        state.withLock { $0.clients[id] = client }
    }

    func remove(_ id: UInt64) {
        // The client goes after the lock: its end may come back here.
        _ = state.withLock { state in
            state.timers[id] = nil
            return state.clients.removeValue(forKey: id)
        }
    }

    /// Has `timerFired` called at `time` or before, once; an earlier time that is already scheduled stays.
    func schedule(_ id: UInt64, at time: UInt64) {
        let wakes = state.withLock { state in
            guard state.clients[id] != nil, time < state.timers[id] ?? .max else { return false }
            state.timers[id] = time
            guard time < state.earliest else { return false }
            state.earliest = time
            return true
        }
        if wakes { wakeUp() }
    }

    /// Has `job` run on the reactor's thread, after the answers that have come.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let wakes = jobs.withLock { jobs in
            jobs.waiting.append(job)
            defer { jobs.isAsleep = false }
            return jobs.isAsleep
        }
        if wakes { wakeUp() }
    }

    private func wakeUp() {
        var one: UInt64 = 1
        write(wake, &one, 8)
    }

    /// Waits for `events` of `socket`.
    func watch(_ socket: Int32, id: UInt64, events: UInt32, isNew: Bool) -> Bool {
        var event = epoll_event(events: events, data: epoll_data_t(u64: id))
        return epoll_ctl(epoll, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event) == 0
    }

    func unwatch(_ socket: Int32) {
        var event = epoll_event()
        epoll_ctl(epoll, EPOLL_CTL_DEL, socket, &event)
    }

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let mayStay = jobs.withLock { jobs in
                jobs.isAsleep = jobs.waiting.isEmpty
                return jobs.isAsleep
            }
            let count = epoll_wait(epoll, &events, Int32(events.count), mayStay ? millisecondsToSleep() : 0)
            for index in 0..<max(0, Int(count)) {
                let id = events[index].data.u64
                if id == Self.wakeID {
                    var value: UInt64 = 0
                    read(wake, &value, 8)
                } else {
                    state.withLock { $0.clients[id] }?.ready(events[index].events)
                }
            }
            fireTimers()
            runJobs()
        }
    }

    private func runJobs() {
        let due = jobs.withLock { jobs in
            jobs.isAsleep = false
            defer { jobs.waiting = [] }
            return jobs.waiting
        }
        for job in due { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func millisecondsToSleep() -> Int32 {
        let earliest = state.withLock { $0.earliest }
        if earliest == .max { return -1 }
        let now = MonotonicClock.now()
        return earliest <= now ? 0 : Int32(min((earliest - now) / 1_000_000 + 1, 60_000))
    }

    private func fireTimers() {
        let now = MonotonicClock.now()
        let due: [any ReactorClient] = state.withLock { state in
            guard state.earliest <= now else { return [] }
            var due: [any ReactorClient] = []
            for (id, time) in state.timers where time <= now {
                state.timers[id] = nil
                if let client = state.clients[id] { due.append(client) }
            }
            state.earliest = state.timers.values.min() ?? .max
            return due
        }
        for client in due { client.timerFired(now) }
    }
}
