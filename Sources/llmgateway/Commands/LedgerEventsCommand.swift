import ArgumentParser
import FoundationEssentials
import Ledger
import Logging
import Postgres

/// What `ledger events` and `ledger export` select.
struct EventFilterOptions: ParsableArguments {
    @Option(help: "One stream, as request/req_….")
    var stream: StreamName?

    @Option(help: "An event type, as credit.granted; may be repeated.")
    var type: [String] = []

    @Option(help: "An organization (org_…).")
    var organization: OrganizationID?

    @Option(help: "Only events after this position.")
    var after: Int64 = 0

    @Option(help: "Only events up to this position.")
    var upTo: Int64?

    @Option(help: "Only events recorded at or after this time, as 2026-11-24T12:00:00Z.")
    var from: Timestamp?

    @Option(help: "Only events recorded at or before this time.")
    var to: Timestamp?

    @Option(help: "Only requests that came with this x-request-id.")
    var clientRequestID: String?

    func validate() throws {
        if let from, let to, from > to { throw ValidationError("--from must not be after --to.") }
    }

    var filter: EventFilter {
        EventFilter(
            stream: stream, types: type, organization: organization, upTo: upTo, recordedFrom: from, recordedUntil: to,
            clientRequestID: clientRequestID)
    }
}

extension LedgerCommands {
    struct Events: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print events, a line each, in the order of the ledger.")

        @OptionGroup var options: EventFilterOptions

        @Option(help: "At most so many.")
        var limit = 100

        @Flag(help: "Print one JSON object a line instead of text.")
        var json = false

        func validate() throws {
            guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit must be from 1 to 1,000,000.") }
        }

        func run() async throws {
            let filter = options.filter
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try await Shop.open { [limit, json, after = options.after] shop in
                let reader = LedgerReader(shop.postgres)
                var after = after
                var left = limit
                while left > 0 {
                    let events = try await reader.events(after: after, limit: min(left, 1000), filter: filter)
                    for event in events {
                        try StandardStream.output.write(line: json ? Self.line(event, encoder) : Self.text(event))
                    }
                    guard let last = events.last else { return }
                    after = last.position
                    left -= events.count
                }
            }
        }

        private static func text(_ event: RecordedEvent) -> String {
            "\(event.position) \(event.recordedAt) \(event.stream) \(event.type) \(String(decoding: event.data, as: UTF8.self))"
        }

        /// The data stands as it was recorded; only the envelope is put around it.
        private static func line(_ event: RecordedEvent, _ encoder: JSONEncoder) throws -> String {
            struct Envelope: Encodable {
                let position: Int64, id: String, stream: String, streamVersion: Int64, type: String, schemaVersion: Int32
                let organization: OrNull<String>, occurredAt: String, recordedAt: String
            }
            let envelope = try encoder.encode(
                Envelope(
                    position: event.position, id: event.id.description, stream: event.stream.description,
                    streamVersion: event.streamVersion, type: event.type, schemaVersion: event.schemaVersion,
                    organization: OrNull(event.organization?.description), occurredAt: event.occurredAt.iso8601,
                    recordedAt: event.recordedAt.iso8601))
            let head = String(decoding: envelope.dropLast(), as: UTF8.self)
            let data = String(decoding: event.data, as: UTF8.self)
            let metadata = String(decoding: event.metadata, as: UTF8.self)
            return "\(head),\"data\":\(data),\"metadata\":\(metadata)}"
        }
    }
}
