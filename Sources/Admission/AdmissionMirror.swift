public import Logging
public import Postgres

/// Writes each batch of the admission projection to Redis before the batch commits.
public struct AdmissionMirror: Sendable {
    public init(redis: AdmissionRedis, logger: Logger) {}

    public func apply(after: Int64, upto: Int64, connection: PostgresConnection) async throws {}
}
