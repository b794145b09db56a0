import Logging
import NIOCore
import NIOPosix
import Synchronization

/// How a connection begins, is set up, is lost, comes back and ends.
extension ConnectionCore {
    func start() {
        guard case .idle = state, !isShuttingDown else { return }
        connect()
    }

    private func connect() {
        state = .connecting
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let configuration = configuration
        let connecting = factory.connect(on: eventLoop) {
            RedisChannelHandler(
                core: bound.value,
                reader: try ReplyReader(
                    maximumBytes: configuration.maximumReplyBytes, maximumValues: configuration.maximumReplyValues))
        }
        connecting.assumeIsolated().whenFailure { error in
            self.failedToConnect(RedisError(.connectionLost, Self.describe(error)))
        }
    }

    private static func describe(_ error: any Error) -> String {
        guard let error = error as? NIOConnectionError else { return String(describing: error) }
        let failures = error.connectionErrors.map { String(describing: $0.error) }
        let lookups = [error.dnsAError, error.dnsAAAAError].compactMap(\.self).map { String(describing: $0) }
        return "can't connect to \(error.host):\(error.port): \((failures + lookups).joined(separator: ", "))"
    }

    private func failedToConnect(_ cause: RedisError) {
        guard case .connecting = state else { return }
        connectAgain(after: cause)
    }

    /// A channel is open: says who we are, then lets `onConnect` do its part.
    func opened(_ link: RedisChannelHandler) {
        guard case .connecting = state, !isShuttingDown else { return link.close() }
        state = .settingUp(link)
        generation += 1
        let now = NIODeadline.now()
        let deadline = now + TimeAmount(configuration.setupDeadline)
        stateTimer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.lost(
                link, RedisError(.connectionLost, "the connection was not set up within \(self.configuration.setupDeadline)"))
        }
        let steps = Handshake.steps(configuration)
        for (index, entry) in steps.enumerated() {
            // The set-up's own timer ends it as a whole.
            send(
                entry.arguments, size: 0, deadline: .distantFuture, now: now,
                caller: .handshake(entry.step, isLast: index == steps.count - 1))
        }
    }

    func handshakeAnswered(_ step: HandshakeStep, _ answer: RedisValue, isLast: Bool, on link: RedisChannelHandler) {
        if let refusal = Handshake.refusal(of: step, answer: answer) { return lost(link, refusal) }
        guard isLast else { return }
        guard let onConnect else { return becomeReady(link) }
        let privileged = RedisConnection(
            core: NIOLoopBoundBox(self, eventLoop: eventLoop), counters: counters, eventLoop: eventLoop, setup: generation)
        let boundCore = NIOLoopBound(self, eventLoop: eventLoop)
        let boundLink = NIOLoopBound(link, eventLoop: eventLoop)
        let eventLoop = eventLoop
        // Nobody waits for this task: its end is reported to the loop, and the loss of the channel cancels it.
        setup = Task {
            do {
                try await onConnect(privileged)
                eventLoop.execute { boundCore.value.becomeReady(boundLink.value) }
            } catch {
                let cause = (error as? RedisError) ?? RedisError(.connectionLost, "the set-up failed: \(error)")
                eventLoop.execute { boundCore.value.lost(boundLink.value, cause) }
            }
        }
    }

    private func becomeReady(_ link: RedisChannelHandler) {
        guard case .settingUp(let current) = state, current === link else { return }
        stateTimer?.cancel()
        stateTimer = nil
        setup = nil
        state = .ready(link)
        backoff.reset()
        lastFailure = nil
        counters.connects.wrappingAdd(1, ordering: .relaxed)
        counters.isReady.store(true, ordering: .relaxed)
        logger.info("connected to Redis", metadata: ["redis": "\(configuration)"])
        let now = NIODeadline.now()
        while let call = queue.nextWaiting() {
            send(call.arguments, size: call.size, deadline: call.deadline, now: now, caller: call.caller)
        }
    }

    /// A channel is gone, or of no use any more. What was in flight fails; the next attempt is scheduled.
    func lost(_ link: RedisChannelHandler, _ cause: RedisError) {
        guard current === link else { return link.close() }
        leaveState()
        dropWritten(cause)
        if isShuttingDown { finishShutdown() } else { connectAgain(after: cause) }
        link.close()
    }

    private func connectAgain(after cause: RedisError) {
        guard !isShuttingDown else { return finishShutdown() }
        lastFailure = cause
        var generator = SystemRandomNumberGenerator()
        let pause = backoff.next(using: &generator)
        // Powers of two: a Redis that stays away is neither forgotten nor fills the log.
        if backoff.attempts & (backoff.attempts - 1) == 0 {
            logger.warning(
                "no connection to Redis",
                metadata: ["redis": "\(configuration)", "cause": "\(cause.message)", "attempts": "\(backoff.attempts)"])
        }
        let until = NIODeadline.now() + pause
        state = .backingOff(until: until)
        for caller in queue.removeWaiting(dueBefore: until) { finish(caller, .failure(notConnected())) }
        queueChanged()
        stateTimer = eventLoop.assumeIsolated().scheduleTask(deadline: until) {
            self.stateTimer = nil
            self.connect()
        }
    }

    private func leaveState() {
        stateTimer?.cancel()
        stateTimer = nil
        setup?.cancel()
        setup = nil
        counters.isReady.store(false, ordering: .relaxed)
    }

    /// Refuses new calls, lets those in flight end until the deadline, then closes.
    func shutDown(by deadline: NIODeadline, waiter: CheckedContinuation<Void, Never>) {
        if case .closed = state { return waiter.resume() }
        shutdownWaiters.append(waiter)
        guard !isShuttingDown else { return }
        isShuttingDown = true
        counters.isClosed.store(true, ordering: .relaxed)
        for caller in queue.removeAllWaiting() { finish(caller, .failure(Self.shutDown)) }
        if case .ready = state, queue.hasSent {
            shutdownTimer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.finishShutdown() }
        } else {
            finishShutdown()
        }
    }

    func finishShutdown() {
        let link = current
        leaveState()
        state = .closed
        dropWritten(Self.shutDown)
        stopClock()
        shutdownTimer?.cancel()
        shutdownTimer = nil
        link?.close()
        for waiter in shutdownWaiters { waiter.resume() }
        shutdownWaiters = []
    }
}
