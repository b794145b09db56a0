public import Postgres

public import struct FoundationEssentials.UUID

/// The newest event.
public struct LedgerHead: Sendable, Hashable {
    public let position: Int64
    /// The chain's hash, 32 bytes.
    public let hash: [UInt8]
    public let recordedAt: Timestamp
}

/// Reads events in the order of their positions.
public struct LedgerReader: Sendable {
    private let client: PostgresClient

    public init(_ client: PostgresClient) { self.client = client }

    /// At most `limit` events after a position, in order.
    public func events(
        after position: Int64 = 0, limit: Int = 1000, filter: EventFilter = .all
    ) async throws -> [RecordedEvent] { preconditionFailure("not built yet") }

    /// A stream's events after a version, in order.
    public func stream(
        _ name: StreamName, afterVersion version: Int64 = 0, limit: Int = 1000
    ) async throws -> [RecordedEvent] { preconditionFailure("not built yet") }

    /// The newest event, or nil before the ledger is created.
    public func head() async throws -> LedgerHead? { preconditionFailure("not built yet") }

    /// The id of the ledger, or nil before it is created.
    public func ledgerID() async throws -> UUID? { preconditionFailure("not built yet") }
}
