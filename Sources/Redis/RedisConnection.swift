public import Logging
public import NIOCore

/// One multiplexed connection on one event loop.
public final class RedisConnection: Sendable {
    public let eventLoop: any EventLoop

    public init(
        _ configuration: RedisConfiguration, on eventLoop: any EventLoop, logger: Logger,
        onConnect: (@Sendable (RedisConnection) async throws -> Void)? = nil
    ) {
        self.eventLoop = eventLoop
    }

    /// Begins to connect, and to connect again after every loss.
    public func start() { preconditionFailure("not built yet") }

    public func call(
        _ arguments: [RedisArgument], deadline: Duration = .seconds(1)
    ) async throws(RedisError) -> RedisValue {
        preconditionFailure("not built yet")
    }

    public func fcall(
        _ function: String, keys: [String] = [], arguments: [RedisArgument], deadline: Duration = .seconds(1)
    ) async throws(RedisError) -> RedisValue {
        preconditionFailure("not built yet")
    }

    public func fcall(
        _ function: String, keys: [String] = [], arguments: [String] = [], deadline: Duration = .seconds(1)
    ) async throws(RedisError) -> RedisValue {
        preconditionFailure("not built yet")
    }

    /// Whether calls go out at once: connected, authenticated, and `onConnect` has run.
    public var isReady: Bool { preconditionFailure("not built yet") }

    public func shutdown(deadline: Duration = .seconds(2)) async { preconditionFailure("not built yet") }
}
