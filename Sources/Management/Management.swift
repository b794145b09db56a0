internal import FoundationEssentials
public import Ledger
public import Logging
internal import Money
public import Postgres
internal import Projections

/// The commands that run a shop: each one validates, appends one event, and answers when admission has applied it.
///
/// Commands never write a read model. What they need to know of the past they read from the ledger's own streams, which
/// are current by construction, so that two commands at once are told apart by expected versions.
public struct Management: Sendable {
    let appender: Appender
    let postgres: PostgresClient
    let reader: LedgerReader
    let erasure: Erasure
    /// How long an answer waits for admission to apply the change; then it is given with `isApplied` false.
    let patience: Duration
    let logger: Logger

    public init(
        appender: Appender, postgres: PostgresClient, reader: LedgerReader, patience: Duration = .seconds(2), logger: Logger
    ) {
        self.appender = appender
        self.postgres = postgres
        self.reader = reader
        self.patience = patience
        self.logger = logger
        erasure = Erasure(client: postgres, logger: logger)
    }

    /// Where a change stands in the ledger, and whether the gateway obeys it already.
    public struct Change: Sendable, Equatable {
        /// The position of the change's last event.
        public let position: Int64
        /// True when admission has applied it: the very next request sees it. False when it had not within the patience.
        public let isApplied: Bool
    }

    /// Appends one event and waits for admission.
    func append(_ event: NewEvent, named name: String? = nil) async throws(ManagementError) -> Change {
        if let name { try await annotate(event, name: name) }
        let result: AppendResult
        do {
            result = try await appender.append(Command(event))
        } catch {
            throw ManagementError(code: .unavailable, field: nil, message: "The ledger could not be reached: \(error)")
        }
        switch result {
        case .appended(_, let last), .already(_, let last):
            return Change(position: last, isApplied: await isApplied(last))
        case .versionConflict, .staleEpoch:
            throw ManagementError(code: .conflict, field: nil, message: "It was changed at the same moment by someone else.")
        case .idempotencyConflict:
            throw ManagementError(code: .conflict, field: nil, message: "The same event id was used for something else.")
        }
    }

    private func isApplied(_ position: Int64) async -> Bool {
        do {
            return try await waitUntil(projection: "admission", position: position, deadline: patience, client: postgres)
        } catch {
            logger.debug("admission's checkpoint could not be read", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// Names lie beside the ledger, where they can be forgotten. Written before the event: a name without its event is
    /// never shown, an event without its name would stay nameless.
    private func annotate(_ event: NewEvent, name: String) async throws(ManagementError) {
        do {
            try await put(Array("{\"name\":\(Self.quoted(name))}".utf8), under: event.id, of: event.organization)
        } catch {
            throw ManagementError(code: .unavailable, field: nil, message: "The ledger could not be reached: \(error)")
        }
    }

    private static func quoted(_ text: String) -> String {
        let encoded = (try? JSONEncoder().encode(text)) ?? Data("\"\"".utf8)
        return String(decoding: encoded, as: UTF8.self)
    }

    func newEvent(
        _ data: some EventData, stream: StreamName, expectedVersion: Int64?, organization: OrganizationID?
    ) throws(ManagementError) -> NewEvent {
        do {
            return try NewEvent(
                data, stream: stream, expectedVersion: expectedVersion, organization: organization, occurredAt: .now)
        } catch {
            throw ManagementError(code: .invalid, field: nil, message: "The change can't be recorded: \(error)")
        }
    }

    /// The newest event of a stream; nil when it does not exist.
    func last(of stream: StreamName) async throws(ManagementError) -> RecordedEvent? {
        do {
            let rows = try await postgres.query(
                """
                SELECT stream_version FROM ledger.events
                WHERE stream_kind = $1 AND stream_id = $2 ORDER BY stream_version DESC LIMIT 1
                """, [.text(stream.kind.rawValue), .uuid(stream.id)])
            guard let version = try rows.first?.decode(0, as: Int64.self) else { return nil }
            return try await reader.stream(stream, afterVersion: version - 1, limit: 1).first
        } catch {
            throw ManagementError(code: .unavailable, field: nil, message: "The ledger could not be read: \(error)")
        }
    }

    func checkName(_ name: String) throws(ManagementError) -> String {
        guard (1...255).contains(name.count), !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw .invalid("name", "The name must be 1 to 255 characters without control characters.")
        }
        return name
    }

    func checkLimit(_ limit: NanoDollars?, field: String) throws(ManagementError) {
        guard let limit else { return }
        guard limit >= .zero else { throw .invalid(field, "A limit can't be negative.") }
    }
}
