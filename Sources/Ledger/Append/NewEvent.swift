/// An event that is to be appended.
///
/// Its id makes a retry safe: the same event sent again is answered with where it already is.
public struct NewEvent: Sendable, Hashable {
    /// The most bytes that data and metadata together may have.
    public static let maximumBytes = 256 * 1024

    public let id: EventID
    public let stream: StreamName
    /// The version that the stream must have before this event; 0 is a stream that is not there yet, nil is any version.
    public let expectedVersion: Int64?
    public let type: String
    public let schemaVersion: Int32
    /// The organization that the event belongs to; nil is the whole ledger.
    public let organization: OrganizationID?
    /// UTF-8 JSON, one object.
    public let data: [UInt8]
    /// UTF-8 JSON, one object.
    public internal(set) var metadata: [UInt8]
    /// When it happened, by the process that saw it; when it was recorded is the ledger's to say.
    public let occurredAt: Timestamp
    /// The admission epoch of an authorization; an older one than the organization's newest is refused as stale.
    public let epoch: Int64?

    /// Encodes the data and checks everything that would fail a batch.
    /// - Parameter id: by default a new one; for a request's stream one that shares the request's time bits.
    /// - Throws: `EventError` with `invalidText` for NUL or lone surrogates, `tooLarge`, `encodingFailed`, or `invalidEvent` for
    ///   a request event without an expected version.
    public init(
        _ data: some EventData, id: EventID? = nil, stream: StreamName, expectedVersion: Int64?, organization: OrganizationID?,
        metadata: EventMetadata = EventMetadata(), occurredAt: Timestamp = .now, epoch: Int64? = nil
    ) throws(EventError) {
        var writer = JSONWriter()
        try data.encodeJSON(into: &writer)
        if let problem = writer.problem { throw problem }
        var metadataWriter = JSONWriter(capacity: 64)
        metadata.encodeJSON(into: &metadataWriter)
        if let problem = metadataWriter.problem { throw problem }
        let kind = Swift.type(of: data)
        try self.init(
            checkedID: id ?? (stream.kind == .request ? .mint(for: RequestID(uuid: stream.id)) : .mint()), stream: stream,
            expectedVersion: expectedVersion, type: kind.type, schemaVersion: kind.schemaVersion, organization: organization,
            data: writer.bytes, metadata: metadataWriter.bytes, occurredAt: occurredAt, epoch: epoch)
    }

    /// An event whose JSON was written elsewhere: from a spool, an import or a type that this build does not know.
    /// - Throws: as the other initializer.
    public init(
        id: EventID, stream: StreamName, expectedVersion: Int64?, type: String, schemaVersion: Int32,
        organization: OrganizationID?, data: [UInt8], metadata: [UInt8] = Array("{}".utf8), occurredAt: Timestamp, epoch: Int64?
    ) throws(EventError) {
        if let problem = JSONText.problem(in: data) ?? JSONText.problem(in: metadata) { throw problem }
        try self.init(
            checkedID: id, stream: stream, expectedVersion: expectedVersion, type: type, schemaVersion: schemaVersion,
            organization: organization, data: data, metadata: metadata, occurredAt: occurredAt, epoch: epoch)
    }

    private init(
        checkedID id: EventID, stream: StreamName, expectedVersion: Int64?, type: String, schemaVersion: Int32,
        organization: OrganizationID?, data: [UInt8], metadata: [UInt8], occurredAt: Timestamp, epoch: Int64?
    ) throws(EventError) {
        if data.count + metadata.count > Self.maximumBytes {
            throw EventError(.tooLarge, "\(type) has \(data.count + metadata.count) bytes, more than \(Self.maximumBytes)")
        }
        if stream.kind == .request && expectedVersion == nil {
            throw EventError(.invalidEvent, "\(type) is of a request and has no expected version")
        }
        if let expectedVersion, expectedVersion < 0 {
            throw EventError(.invalidEvent, "\(type) expects a stream version below zero")
        }
        self.id = id
        self.stream = stream
        self.expectedVersion = expectedVersion
        self.type = type
        self.schemaVersion = schemaVersion
        self.organization = organization
        self.data = data
        self.metadata = metadata
        self.occurredAt = occurredAt
        self.epoch = epoch
    }

    /// The bytes that the event counts in a command and a batch.
    public var byteCount: Int { data.count + metadata.count + type.utf8.count + 128 }
}
