import Logging
import NIOCore
import Synchronization

/// Everything of a connection that changes; lives on its event loop, and is touched nowhere else.
final class ConnectionCore {
    enum State {
        case idle
        case connecting
        /// TLS, AUTH, SELECT and `onConnect`; ordinary calls wait.
        case settingUp(RedisChannelHandler)
        case ready(RedisChannelHandler)
        case backingOff(until: NIODeadline)
        case closed
    }

    /// Who waits for the answer of a call.
    enum Caller {
        case task(CheckedContinuation<Result<RedisValue, RedisError>, Never>)
        /// Somebody who does not wait, but wants to hear of a failure.
        case observer(@Sendable (RedisError) -> Void)
        /// The connection itself; the last step of the handshake is marked.
        case handshake(HandshakeStep, isLast: Bool)
    }

    let configuration: RedisConfiguration
    let eventLoop: any EventLoop
    let counters: RedisCounters
    let logger: Logger
    let factory: ConnectionFactory
    let onConnect: (@Sendable (RedisConnection) async throws -> Void)?

    var state = State.idle
    var queue: CallQueue<Caller>
    var backoff: Backoff
    /// Why there is no connection; nil before the first attempt failed.
    var lastFailure: RedisError?
    /// Counts the channels, so that what `onConnect` of an old one asks is not sent on a new one.
    var generation = 0
    var isShuttingDown = false
    var shutdownWaiters: [CheckedContinuation<Void, Never>] = []
    var setup: Task<Void, Never>?
    /// Ends a set-up that takes too long, or the pause before the next attempt.
    var stateTimer: Scheduled<Void>?
    var shutdownTimer: Scheduled<Void>?

    private var writer = CommandWriter()
    private var outgoing = ByteBuffer()
    private var isFlushScheduled = false
    private var expiryTimer: Scheduled<Void>?
    private var expiryDue = NIODeadline.distantFuture
    private var hasPostponedExpiry = false

    /// Deadlines are looked at no more often than this.
    private static let clockGranularity = TimeAmount.milliseconds(1)
    /// A timer that fires later than this shows that the loop was behind.
    private static let punctuality = TimeAmount.milliseconds(5)

    init(
        factory: ConnectionFactory, eventLoop: any EventLoop, counters: RedisCounters, logger: Logger,
        onConnect: (@Sendable (RedisConnection) async throws -> Void)?
    ) {
        let configuration = factory.configuration
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.counters = counters
        self.logger = logger
        self.factory = factory
        self.onConnect = onConnect
        self.backoff = Backoff(first: configuration.reconnectDelay, longest: configuration.maximumReconnectDelay)
        self.queue = CallQueue(
            maximumCalls: configuration.maximumOutstanding, maximumBytes: configuration.maximumOutstandingBytes,
            silenceLimit: TimeAmount(configuration.silenceLimit))
    }

    /// Makes a call, or puts it off until there is a connection.
    ///
    /// - Parameter setup: the generation whose `onConnect` makes the call; nil for everybody else.
    func submit(_ arguments: [RedisArgument], deadline: NIODeadline, setup: Int?, caller: Caller) {
        let now = NIODeadline.now()
        var size = 0
        for argument in arguments { size += argument.count }
        if let refusal = refusal(ofCallWith: arguments.count, size: size, deadline: deadline, now: now) {
            return finish(caller, .failure(refusal))
        }
        switch state {
        case .ready:
            guard setup == nil || setup == generation else { return refuseSetupCall(caller) }
            send(arguments, size: size, deadline: deadline, now: now, caller: caller)
        case .settingUp where setup == generation:
            send(arguments, size: size, deadline: deadline, now: now, caller: caller)
        case .backingOff(let until) where until >= deadline && setup == nil:
            finish(caller, .failure(notConnected()))
        case .idle, .connecting, .settingUp, .backingOff:
            guard setup == nil else { return refuseSetupCall(caller) }
            queue.wait(.init(arguments: arguments, size: size, deadline: deadline, caller: caller))
            queueChanged(mayExpireAt: deadline)
        case .closed:
            finish(caller, .failure(Self.shutDown))
        }
    }

    /// Writes a call; it goes out with the others of this tick.
    func send(
        _ arguments: [RedisArgument], size: Int, deadline: NIODeadline, now: NIODeadline, caller: Caller
    ) {
        do throws(RedisError) {
            try writer.write(arguments, into: &outgoing)
        } catch {
            return finish(caller, .failure(error))
        }
        queue.send(caller, size: size, deadline: deadline, now: now)
        counters.calls.wrappingAdd(1, ordering: .relaxed)
        queueChanged(mayExpireAt: deadline)
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        isFlushScheduled = false
        // What was written for a channel that has gone since was dropped with it.
        guard let current, outgoing.readableBytes > 0 else { return }
        let buffer = outgoing
        outgoing = ByteBuffer()
        queue.flush()
        counters.flushes.wrappingAdd(1, ordering: .relaxed)
        current.send(buffer)
    }

    /// The channel on which calls may be in flight.
    var current: RedisChannelHandler? {
        switch state {
        case .settingUp(let link), .ready(let link): link
        case .idle, .connecting, .backingOff, .closed: nil
        }
    }

    func received(_ reply: RedisValue, on link: RedisChannelHandler, now: NIODeadline) {
        guard current === link else { return }
        let answer = queue.answer(now: now)
        queueChanged()
        switch answer {
        case .caller(.handshake(let step, let isLast)):
            handshakeAnswered(step, reply, isLast: isLast, on: link)
        case .caller(let caller):
            if case .error(let text) = reply {
                finish(caller, .failure(RedisError(serverReply: text)))
            } else {
                finish(caller, .success(reply))
            }
        case .late: break
        case .unsolicited:
            return lost(link, RedisError(.protocolViolation, "a reply came that nobody had asked for"))
        }
        if isShuttingDown, !queue.hasSent { finishShutdown() }
    }

    /// Fails everything that was written to a channel which is gone or of no use.
    func dropWritten(_ cause: RedisError) {
        outgoing = ByteBuffer()
        let (maybeDone, notDone) = queue.lose()
        queueChanged()
        for caller in maybeDone {
            finish(caller, .failure(RedisError(cause.code, cause.message, serverCode: cause.serverCode, outcomeUnknown: true)))
        }
        for caller in notDone {
            finish(caller, .failure(RedisError(cause.code, cause.message, serverCode: cause.serverCode)))
        }
    }

    func finish(_ caller: Caller, _ result: Result<RedisValue, RedisError>) {
        switch caller {
        case .task(let continuation): continuation.resume(returning: result)
        case .observer(let failed): if case .failure(let error) = result { failed(error) }
        case .handshake: break  // whoever fails a handshake's call also gives up its channel
        }
    }

    private func refuseSetupCall(_ caller: Caller) {
        finish(caller, .failure(RedisError(.connectionLost, "the connection that was being set up is gone")))
    }

    private func refusal(ofCallWith count: Int, size: Int, deadline: NIODeadline, now: NIODeadline) -> RedisError? {
        if isShuttingDown { return Self.shutDown }
        if count == 0 || count > Int(Int32.max) { return RedisError(.invalidCall, "a call has no arguments or too many") }
        if size > configuration.maximumCallBytes {
            return RedisError(.invalidCall, "a call is longer than \(configuration.maximumCallBytes) bytes")
        }
        if deadline <= now { return RedisError(.deadlineExceeded, "the deadline had passed before the call was made") }
        if !queue.hasRoom(forBytes: size) { return RedisError(.overloaded, "too many calls wait for an answer") }
        return nil
    }

    static let shutDown = RedisError(.closed, "the connection was shut down")

    func notConnected() -> RedisError {
        RedisError(
            .notConnected, lastFailure.map { "no connection: \($0.message)" } ?? "no connection yet",
            serverCode: lastFailure?.serverCode)
    }

    // MARK: deadlines

    /// Keeps the figures and the clock up after calls were added or answered.
    func queueChanged(mayExpireAt deadline: NIODeadline = .distantFuture) {
        counters.outstanding.store(queue.outstanding, ordering: .relaxed)
        guard deadline < expiryDue else { return }
        expiryTimer?.cancel()
        expiryDue = deadline
        expiryTimer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.expire() }
    }

    func stopClock() {
        expiryTimer?.cancel()
        expiryTimer = nil
        expiryDue = .distantFuture
    }

    private func expire() {
        let now = NIODeadline.now()
        let late = now - expiryDue
        expiryTimer = nil
        expiryDue = .distantFuture
        // A loop that was behind finds its timers due before it looks at its sockets, where the answers may lie. Its own
        // delay is not Redis's: it gets as much time again, once, to read what has come.
        if late > Self.punctuality, !hasPostponedExpiry {
            hasPostponedExpiry = true
            return queueChanged(mayExpireAt: now + late)
        }
        hasPostponedExpiry = false
        let expiry = queue.expire(now: now)
        for caller in expiry.waiting { finish(caller, .failure(notConnected())) }
        for caller in expiry.sent {
            finish(
                caller,
                .failure(RedisError(.deadlineExceeded, "Redis did not answer within the deadline", outcomeUnknown: true)))
        }
        if expiry.isSilent, let current {
            lost(current, RedisError(.connectionLost, "Redis has answered nothing for \(configuration.silenceLimit)"))
        }
        if let next = queue.nextExpiry {
            queueChanged(mayExpireAt: max(next, now + Self.clockGranularity))
        } else {
            queueChanged()
        }
    }
}
