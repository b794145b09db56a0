/// Which events are wanted. What is nil or empty does not restrict.
public struct EventFilter: Sendable, Hashable {
    public var stream: StreamName?
    public var streamKind: StreamKind?
    /// Any of these types.
    public var types: [String]
    public var organization: OrganizationID?
    /// The last position.
    public var upTo: Int64?
    public var recordedFrom: Timestamp?
    /// Recorded at or before.
    public var recordedUntil: Timestamp?
    public var occurredFrom: Timestamp?
    /// Happened at or before.
    public var occurredUntil: Timestamp?
    /// The client's own request id, in the metadata.
    public var clientRequestID: String?

    public init(
        stream: StreamName? = nil, streamKind: StreamKind? = nil, types: [String] = [], organization: OrganizationID? = nil,
        upTo: Int64? = nil, recordedFrom: Timestamp? = nil, recordedUntil: Timestamp? = nil, occurredFrom: Timestamp? = nil,
        occurredUntil: Timestamp? = nil, clientRequestID: String? = nil
    ) {
        self.stream = stream
        self.streamKind = streamKind
        self.types = types
        self.organization = organization
        self.upTo = upTo
        self.recordedFrom = recordedFrom
        self.recordedUntil = recordedUntil
        self.occurredFrom = occurredFrom
        self.occurredUntil = occurredUntil
        self.clientRequestID = clientRequestID
    }

    /// All events.
    public static let all = EventFilter()
}
