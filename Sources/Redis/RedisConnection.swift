public import Logging
public import NIOCore
import Synchronization

/// One connection on one event loop, shared by all who call: replies are matched to calls by their order.
///
/// Calls of one tick of the loop go out in one write. A caller that runs on the loop pays for no hop between threads; any
/// other may call as well. A lost connection is made again, with growing pauses, until ``shutdown(deadline:)``.
///
/// > Warning: Commands that change how the connection answers (`SUBSCRIBE`, `MONITOR`, `CLIENT REPLY`, `HELLO`) break the
/// > order of replies, and `MULTI`, `SELECT`, `WATCH` and blocking commands concern everyone who shares it. Don't send them.
public final class RedisConnection: Sendable {
    /// The loop on which the connection lives, and from which calls cost least.
    public let eventLoop: any EventLoop
    private let core: NIOLoopBoundBox<ConnectionCore>
    private let counters: RedisCounters
    /// The channel whose `onConnect` this object was made for; nil is the ordinary one.
    private let setup: Int?

    /// Makes a connection that does nothing until ``start()``.
    ///
    /// - Parameters:
    ///   - onConnect: runs on every new connection after AUTH and SELECT and before any other call is let through, with a
    ///     connection of its own that is good for this set-up only. If it throws, or takes longer than
    ///     ``RedisConfiguration/setupDeadline``, the connection is given up and made again.
    public convenience init(
        _ configuration: RedisConfiguration, on eventLoop: any EventLoop, logger: Logger,
        onConnect: (@Sendable (RedisConnection) async throws -> Void)? = nil
    ) {
        self.init(factory: ConnectionFactory(configuration), on: eventLoop, logger: logger, onConnect: onConnect)
    }

    convenience init(
        factory: ConnectionFactory, on eventLoop: any EventLoop, logger: Logger,
        onConnect: (@Sendable (RedisConnection) async throws -> Void)?
    ) {
        let counters = RedisCounters()
        let core = NIOLoopBoundBox.makeBoxSendingValue(
            ConnectionCore(
                factory: factory, eventLoop: eventLoop, counters: counters, logger: logger, onConnect: onConnect),
            eventLoop: eventLoop)
        self.init(core: core, counters: counters, eventLoop: eventLoop, setup: nil)
    }

    init(core: NIOLoopBoundBox<ConnectionCore>, counters: RedisCounters, eventLoop: any EventLoop, setup: Int?) {
        self.core = core
        self.counters = counters
        self.eventLoop = eventLoop
        self.setup = setup
    }

    /// Begins to connect, and to connect again after every loss; does not wait.
    public func start() {
        onLoop { $0.start() }
    }

    /// Makes a call and returns its answer.
    ///
    /// While there is no connection the call waits for one until its deadline; if the next attempt comes later than that, it
    /// fails at once. A call is never sent twice. A cancelled task still waits for the answer, at most until the deadline.
    ///
    /// - Parameters:
    ///   - arguments: the command's name and its arguments.
    ///   - deadline: the longest that the call may take from now.
    /// - Throws: ``RedisError``; an error that is the whole answer has the code `server`.
    public func call(
        _ arguments: [RedisArgument], deadline: Duration = .seconds(1)
    ) async throws(RedisError) -> RedisValue {
        guard !counters.isClosed.load(ordering: .relaxed) else { throw ConnectionCore.shutDown }
        let due = NIODeadline.now() + TimeAmount(deadline)
        let setup = setup
        let result: Result<RedisValue, RedisError> = await withCheckedContinuation { continuation in
            onLoop { $0.submit(arguments, deadline: due, setup: setup, caller: .task(continuation)) }
        }
        return try result.get()
    }

    /// Makes a call whose answer nobody waits for. It goes out after the calls that were made before it from this loop, and
    /// before those that are made after it.
    ///
    /// - Parameter failed: is told, on the event loop, when it failed or may have failed.
    public func tell(
        _ arguments: [RedisArgument], deadline: Duration = .seconds(1), failed: @escaping @Sendable (RedisError) -> Void
    ) {
        guard !counters.isClosed.load(ordering: .relaxed) else { return failed(ConnectionCore.shutDown) }
        let due = NIODeadline.now() + TimeAmount(deadline)
        let setup = setup
        onLoop { $0.submit(arguments, deadline: due, setup: setup, caller: .observer(failed)) }
    }

    /// Calls a function of a library that was loaded before.
    /// - Throws: ``RedisError``.
    public func fcall(
        _ function: String, keys: [String] = [], arguments: [RedisArgument], deadline: Duration = .seconds(1)
    ) async throws(RedisError) -> RedisValue {
        try await call(Self.fcall(function, keys, arguments), deadline: deadline)
    }

    /// As ``fcall(_:keys:arguments:deadline:)``, but nobody waits for the answer; see ``tell(_:deadline:failed:)``.
    public func tellFunction(
        _ function: String, keys: [String] = [], arguments: [RedisArgument], deadline: Duration = .seconds(1),
        failed: @escaping @Sendable (RedisError) -> Void
    ) {
        tell(Self.fcall(function, keys, arguments), deadline: deadline, failed: failed)
    }

    private static func fcall(_ function: String, _ keys: [String], _ arguments: [RedisArgument]) -> [RedisArgument] {
        var call: [RedisArgument] = ["FCALL", .string(function), .integer(Int64(keys.count))]
        call.reserveCapacity(3 + keys.count + arguments.count)
        for key in keys { call.append(.string(key)) }
        call.append(contentsOf: arguments)
        return call
    }

    /// Calls a function of a library that was loaded before.
    /// - Throws: ``RedisError``.
    public func fcall(
        _ function: String, keys: [String] = [], arguments: [String] = [], deadline: Duration = .seconds(1)
    ) async throws(RedisError) -> RedisValue {
        try await fcall(function, keys: keys, arguments: arguments.map(RedisArgument.string), deadline: deadline)
    }

    /// Whether calls go out at once: connected, authenticated, and `onConnect` has run.
    public var isReady: Bool { counters.isReady.load(ordering: .relaxed) }

    /// What the connection has done since it was made, and where it stands.
    public var statistics: RedisStatistics { counters.statistics }

    /// Refuses new calls, waits for the answers of those in flight until the deadline, and closes.
    ///
    /// Must be called before the event loop ends, and before the last reference is dropped.
    public func shutdown(deadline: Duration = .seconds(2)) async {
        let due = NIODeadline.now() + TimeAmount(deadline)
        await withCheckedContinuation { waiter in
            onLoop { $0.shutDown(by: due, waiter: waiter) }
        }
    }

    private func onLoop(_ body: @escaping @Sendable (ConnectionCore) -> Void) {
        if eventLoop.inEventLoop { return body(core.value) }
        let core = core
        eventLoop.execute { body(core.value) }
    }
}
