import CCurl
import Glibc
import Logging
import Synchronization

/// Drives all transfers of a transport on one thread; made, used and ended there.
final class Reactor {
    let configuration: HTTPTransportConfiguration
    let certificateAuthorities: String?
    let repeatWithin: Nanoseconds
    let inbox: Inbox
    private let epoll: Int32
    /// Index 0 may reach any address, index 1 only public ones.
    private var pools: [ConnectionPool]
    private var exchanges: [Exchange] = []
    private var free: [Int] = []
    var deadlines = DeadlineHeap()
    /// The time of this turn.
    private(set) var now = monotonicNow()
    /// Exchanges whose readers may have to be woken.
    private var touchedExchanges: [Exchange] = []
    private var commands: [Inbox.Command] = []
    private var running = true

    private static let inboxTag = UInt64.max

    init?(configuration: HTTPTransportConfiguration, certificateAuthorities: String?, inbox: Inbox) {
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0, inbox.event >= 0,
            let open = ConnectionPool(tag: 0, epoll: epoll, configuration: configuration),
            let guarded = ConnectionPool(tag: 1, epoll: epoll, configuration: configuration)
        else {
            if epoll >= 0 { Glibc.close(epoll) }
            return nil
        }
        self.configuration = configuration
        self.certificateAuthorities = certificateAuthorities
        repeatWithin = configuration.repeatWithin.boundedNanoseconds
        self.inbox = inbox
        self.epoll = epoll
        pools = [open, guarded]
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: Self.inboxTag))
        epoll_ctl(epoll, EPOLL_CTL_ADD, inbox.event, &event)
    }

    deinit {
        // First the connections, which take themselves out of epoll when they close.
        pools = []
        Glibc.close(epoll)
    }

    /// Runs until it is told to shut down.
    func run() {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 256) { events in
            while running { turn(events) }
        }
        for exchange in exchanges where exchange.transfer != nil {
            finish(
                exchange, HTTPTransportError(.shutDown, "the transport is shut down", sentRequest: exchange.phase != .connecting))
        }
    }

    private func turn(_ events: UnsafeMutableBufferPointer<epoll_event>) {
        let count = epoll_wait(epoll, events.baseAddress, Int32(events.count), inbox.prepareToSleep() ? timeout() : 0)
        now = monotonicNow()
        for event in events.prefix(Int(max(0, count))) {
            if event.data.u64 == Self.inboxTag {
                var value: UInt64 = 0
                _ = read(inbox.event, &value, 8)
            } else {
                let pool = pools[Int(event.data.u64 >> 32)]
                pool.handle(Int32(truncatingIfNeeded: event.data.u64), event.events)
                settle(pool)
            }
        }
        inbox.drain(into: &commands)
        for command in commands { perform(command) }
        commands.removeAll(keepingCapacity: true)
        for pool in pools {
            while pool.handleTimer(now) { settle(pool) }
        }
        expire()
        wakeReaders()
    }

    private func timeout() -> Int32 {
        var soonest = deadlines.soonest
        for pool in pools {
            if let timer = pool.timer { soonest = min(soonest ?? timer, timer) }
        }
        guard let soonest else { return -1 }
        let wait = soonest - monotonicNow()
        return wait <= 0 ? 0 : Int32(clamping: (wait + 999_999) / 1_000_000)
    }

    // MARK: Commands

    private func perform(_ command: Inbox.Command) {
        switch command {
        case .start(let transfer):
            start(transfer)
        case .cancel(let transfer):
            if let exchange = exchange(of: transfer) { abandon(exchange, nil) }
        case .stop(let transfer):
            // What the sockets held when this turn began has been read before the commands.
            guard let exchange = exchange(of: transfer) else { return }
            abandon(
                exchange,
                HTTPTransportError(.cancelled, "the caller stopped the transfer", sentRequest: exchange.phase != .connecting))
        case .resume(let transfer):
            guard let exchange = exchange(of: transfer), exchange.receivePaused else { return }
            exchange.receivePaused = false
            proceed(exchange)
        case .feed(let transfer):
            guard let exchange = exchange(of: transfer), exchange.sendPaused else { return }
            exchange.sendPaused = false
            proceed(exchange)
        case .shutDown:
            running = false
        }
    }

    private func proceed(_ exchange: Exchange) {
        exchange.progress = now
        deadlines.hasten(exchange, due: exchange.deadline.at)
        exchange.updatePause()
        settle(pools[exchange.guarded ? 1 : 0])
    }

    private func exchange(of transfer: Transfer) -> Exchange? {
        let slot = transfer.slot.load(ordering: .relaxed)
        guard slot >= 0, exchanges[slot].transfer === transfer else { return nil }
        return exchanges[slot]
    }

    private func start(_ transfer: Transfer) {
        guard !transfer.state.withLock({ $0.ended }), let exchange = unused() else {
            inbox.inFlight.subtract(1, ordering: .relaxed)
            transfer.end(HTTPTransportError(.connectFailed, "out of memory"))
            return
        }
        transfer.slot.store(exchange.slot, ordering: .relaxed)
        exchange.begin(transfer, now: now)
        deadlines.insert(exchange, due: exchange.deadline.at)
        if !pools[exchange.guarded ? 1 : 0].add(exchange) {
            finish(exchange, HTTPTransportError(.connectFailed, "libcurl did not take the transfer"))
        }
    }

    private func unused() -> Exchange? {
        if let slot = free.popLast() { return exchanges[slot] }
        guard let exchange = Exchange(slot: exchanges.count, reactor: self) else { return nil }
        exchanges.append(exchange)
        return exchange
    }

    // MARK: Ends

    private func settle(_ pool: ConnectionPool) {
        while let (exchange, code) = pool.nextDone() {
            if exchange.shouldRepeat(code) {
                pool.remove(exchange)
                exchange.beginAgain()
                if pool.add(exchange) { continue }
            }
            finish(exchange, exchange.outcome(code))
        }
        wakeReaders()
    }

    /// Ends the transfer, if its caller has not, and makes the exchange free for the next.
    private func finish(_ exchange: Exchange, _ failure: HTTPTransportError?) {
        guard let transfer = exchange.transfer else { return }
        deadlines.remove(exchange)
        pools[exchange.guarded ? 1 : 0].remove(exchange)
        exchange.end()
        free.append(exchange.slot)
        inbox.inFlight.subtract(1, ordering: .relaxed)
        transfer.end(failure)
    }

    /// Ends a transfer that libcurl has not ended: its HTTP/1.1 connection is closed, its HTTP/2 stream reset.
    private func abandon(_ exchange: Exchange, _ failure: HTTPTransportError?) {
        let mayShare = exchange.mayShareConnection
        exchange.forbidReuse()
        finish(exchange, failure)
        // The reset waits in libcurl until something is written for another stream of the connection.
        guard mayShare else { return }
        let other = exchanges.first {
            $0.transfer != nil && $0.localPort == exchange.localPort && $0.guarded == exchange.guarded && $0.mayShareConnection
        }
        guard let other else { return }
        other.flush()
        settle(pools[other.guarded ? 1 : 0])
    }

    private func expire() {
        while let exchange = deadlines.popDue(now) {
            let (at, code) = exchange.deadline
            if at > now {
                deadlines.insert(exchange, due: at)
            } else {
                let sent = exchange.phase != .connecting
                abandon(exchange, HTTPTransportError(code, "the deadline passed", sentRequest: sent))
            }
        }
    }

    // MARK: Readers

    /// Notes that there is something for the exchange's reader. It is woken when libcurl has done all that it could with one
    /// event, so that a short response is there as a whole when its reader runs.
    func touch(_ exchange: Exchange) {
        guard !exchange.touched else { return }
        exchange.touched = true
        touchedExchanges.append(exchange)
    }

    private func wakeReaders() {
        guard !touchedExchanges.isEmpty else { return }
        for exchange in touchedExchanges {
            exchange.touched = false
            exchange.transfer?.wake()
        }
        touchedExchanges.removeAll(keepingCapacity: true)
    }
}
