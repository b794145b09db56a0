/// An event as it stands in the ledger.
public struct RecordedEvent: Sendable, Hashable {
    /// 1 for the first event of the ledger; no gap.
    public let position: Int64
    public let id: EventID
    public let stream: StreamName
    /// 1 for the first event of the stream; no gap.
    public let streamVersion: Int64
    public let type: String
    public let schemaVersion: Int32
    public let organization: OrganizationID?
    /// The text of `data` as Postgres prints it.
    public let data: [UInt8]
    /// The text of `metadata` as Postgres prints it.
    public let metadata: [UInt8]
    public let occurredAt: Timestamp
    /// Grows strictly with the position.
    public let recordedAt: Timestamp
    /// The chain's hash up to and with this event, 32 bytes.
    public let hash: [UInt8]

    public init(
        position: Int64, id: EventID, stream: StreamName, streamVersion: Int64, type: String, schemaVersion: Int32,
        organization: OrganizationID?, data: [UInt8], metadata: [UInt8], occurredAt: Timestamp, recordedAt: Timestamp,
        hash: [UInt8]
    ) {
        self.position = position
        self.id = id
        self.stream = stream
        self.streamVersion = streamVersion
        self.type = type
        self.schemaVersion = schemaVersion
        self.organization = organization
        self.data = data
        self.metadata = metadata
        self.occurredAt = occurredAt
        self.recordedAt = recordedAt
        self.hash = hash
    }

    /// The data as the newest shape of one type.
    /// - Throws: `EventError` with `unknownType` when the event is of another type or a newer version, or `decodingFailed`.
    public func decode<T: EventData>(_ kind: T.Type) throws(EventError) -> T {
        guard type == T.type else { throw EventError(.unknownType, "\(type) is not \(T.type)") }
        return try T.decode(data, schemaVersion: schemaVersion)
    }
}
