public import Ledger
public import Logging
public import NIOCore
public import Postgres
public import Redis

/// Redis as admission uses it: with the functions loaded, and trusted only after every connection has been checked.
public final class AdmissionRedis: Sendable {
    public var client: RedisClient { preconditionFailure("not built yet") }

    public init(
        configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, folder: AdmissionFolder, postgres: PostgresClient,
        appender: Appender, logger: Logger
    ) {}

    public func shutdown() async {}
}
