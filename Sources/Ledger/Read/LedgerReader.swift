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
    /// - Throws: `PostgresError`, and `EventError` for a stream kind that this build does not know.
    public func events(
        after position: Int64 = 0, limit: Int = 1000, filter: EventFilter = .all
    ) async throws -> [RecordedEvent] {
        var query = filter.query(after: position)
        query.values.append(.int8(Int64(limit)))
        let rows = try await client.query(
            "SELECT \(RecordedEvent.columns) FROM ledger.events WHERE \(query.condition)"
                + " ORDER BY position LIMIT $\(query.values.count)", query.values)
        return try rows.map { try RecordedEvent($0) }
    }

    /// A stream's events after a version, in order.
    public func stream(
        _ name: StreamName, afterVersion version: Int64 = 0, limit: Int = 1000
    ) async throws -> [RecordedEvent] {
        let rows = try await client.query(
            "SELECT \(RecordedEvent.columns) FROM ledger.events"
                + " WHERE stream_kind = $1 AND stream_id = $2 AND stream_version > $3 ORDER BY stream_version LIMIT $4",
            [.text(name.kind.rawValue), .uuid(name.id), .int8(version), .int8(Int64(limit))])
        return try rows.map { try RecordedEvent($0) }
    }

    /// The event at a position, or nil.
    public func event(at position: Int64) async throws -> RecordedEvent? {
        try await events(after: position - 1, limit: 1, filter: EventFilter(upTo: position)).first
    }

    /// The newest event, or nil before the ledger is created.
    public func head() async throws -> LedgerHead? {
        let rows = try await client.query("SELECT position, hash, recorded_at FROM ledger.events ORDER BY position DESC LIMIT 1")
        guard let row = rows.first else { return nil }
        let recorded: PostgresTimestamp = try row.decode(2)
        return LedgerHead(
            position: try row.decode(0), hash: try row.decode(1), recordedAt: Timestamp(microseconds: recorded.microseconds))
    }

    /// The id of the ledger, or nil before it is created.
    public func ledgerID() async throws -> UUID? {
        let rows = try await client.query("SELECT stream_id FROM ledger.events WHERE position = 1")
        return try rows.first?.decode(0, as: UUID.self)
    }
}

extension RecordedEvent {
    /// The columns that `init(_:)` reads, in its order, as `SELECT` names them.
    static let columns =
        "position, id, stream_kind, stream_id, stream_version, type, schema_version, organization, data, metadata,"
        + " occurred_at, recorded_at, hash"

    /// Reads a row of `ledger.events`.
    init(_ row: PostgresRow) throws {
        let kind: String = try row.decode(2)
        guard let streamKind = StreamKind(rawValue: kind) else {
            throw EventError(.unknownType, "streams of the kind \(kind) are not known")
        }
        let organization: UUID? = try row.decode(7)
        let occurred: PostgresTimestamp = try row.decode(10)
        let recorded: PostgresTimestamp = try row.decode(11)
        self.init(
            position: try row.decode(0), id: EventID(uuid: try row.decode(1)),
            stream: StreamName(kind: streamKind, id: try row.decode(3)), streamVersion: try row.decode(4),
            type: try row.decode(5), schemaVersion: try row.decode(6), organization: organization.map(OrganizationID.init(uuid:)),
            data: try row.decode(8), metadata: try row.decode(9), occurredAt: Timestamp(microseconds: occurred.microseconds),
            recordedAt: Timestamp(microseconds: recorded.microseconds), hash: try row.decode(12))
    }
}
