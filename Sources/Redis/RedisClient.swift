public import Logging
public import NIOCore

/// One ``RedisConnection`` for each event loop of a group.
public final class RedisClient: Sendable {
    public init(
        configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, logger: Logger,
        onConnect: (@Sendable (RedisConnection) async throws -> Void)? = nil
    ) {}

    /// The connection of a loop; a loop that is not of the group gets the connection of another one.
    public func connection(for eventLoop: any EventLoop) -> RedisConnection { preconditionFailure("not built yet") }

    /// The connection of the current loop, or the next one in turn.
    public var any: RedisConnection { preconditionFailure("not built yet") }

    public func shutdown(deadline: Duration = .seconds(2)) async { preconditionFailure("not built yet") }
}
