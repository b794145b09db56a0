public import Logging
public import Postgres
import Synchronization

import struct FoundationEssentials.UUID

/// Writes events as JSON Lines, so that anyone can recompute the chain without this program.
///
/// The first line says what the file is: `{"format":"llmgateway ledger 1","ledger":"…","after":0,"previous":"…","filtered":false}`,
/// where `previous` is the chain's hash before the first line that follows (64 hexadecimal digits). Then comes one event a line
/// with all columns in the order of the table: ids as uuids, times as integer microseconds since 1970, the hash in
/// hexadecimal, `data` and `metadata` as strings with the exact text that the hash covers. With a filter, events are left out
/// and the hashes of those that remain can't be recomputed from one another.
public struct Exporter: Sendable {
    private static let chunkBytes = 64 * 1024

    private let configuration: PostgresConfiguration
    private let logger: Logger

    public init(configuration: PostgresConfiguration, logger: Logger) {
        var session = configuration
        session.applicationName = "llmgateway export"
        self.configuration = session
        self.logger = logger
    }

    /// Exports the events after a position, in order, as they are in one snapshot.
    /// - Parameter write: takes whole lines; the next are read when it returns.
    /// - Returns: how many events were written.
    /// - Throws: `PostgresError`, and what `write` throws.
    @discardableResult
    public func run(
        after position: Int64 = 0, filter: EventFilter = .all, write: @Sendable ([UInt8]) throws -> Void
    ) async throws -> Int {
        try await PostgresConnection.connect(configuration, logger: logger).use { connection in
            try await connection.withTransaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") { connection in
                let isFiltered = filter != .all
                try write(try await Self.header(after: position, isFiltered: isFiltered, over: connection))
                return try await Self.events(after: position, filter: filter, over: connection, write: write).count
            }
        }
    }

    static func header(after position: Int64, isFiltered: Bool, over connection: PostgresConnection) async throws -> [UInt8] {
        let rows = try await connection.query(
            "SELECT f.stream_id, p.hash FROM ledger.events AS f LEFT JOIN ledger.events AS p ON p.position = $1"
                + " WHERE f.position = 1", [.int8(position)])
        let ledger = try rows.first?.decode(0, as: UUID.self) ?? .zero
        let previous = try rows.first?.decode(1, as: [UInt8]?.self) ?? nil
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("format", "llmgateway ledger 1")
        writer.member("ledger", ledger.lowercase)
        writer.member("after", position)
        writer.member("previous", Hexadecimal.encode(previous ?? Array(EventDigest.genesis(ledger: ledger))))
        writer.member("filtered", isFiltered)
        writer.endObject()
        return writer.bytes + [0x0A]
    }

    /// - Parameter limit: How many at most; nil is all.
    /// - Returns: How many were written, and the position of the last; `position` when there was none.
    static func events(
        after position: Int64, filter: EventFilter, limit: Int? = nil, over connection: PostgresConnection,
        write: @Sendable ([UInt8]) throws -> Void
    ) async throws -> (count: Int, last: Int64) {
        let condition = try await condition(after: position, filter: filter, over: connection)
        let copy =
            "COPY (SELECT \(CopiedEvents.columns) FROM ledger.events WHERE \(condition) ORDER BY position"
            + (limit.map { " LIMIT \($0)" } ?? "") + ") TO STDOUT (FORMAT binary)"
        let box = Box(last: position)
        try await connection.copyOut(copy, deadline: .seconds(24 * 3600)) { chunk in
            let lines = try box.state.withLock { state in
                var events = try CopiedEvents(chunk, isFirst: state.isFirst)
                state.isFirst = false
                while let event = try events.next(chunk) {
                    state.lines += try ExportedEvent.line(event, in: chunk)
                    state.count += 1
                    state.last = event.integer(.position, in: chunk) ?? state.last
                }
                guard state.lines.count >= chunkBytes else { return [UInt8]() }
                defer { state.lines.removeAll(keepingCapacity: true) }
                return state.lines
            }
            if !lines.isEmpty { try write(lines) }
        }
        let (rest, count, last) = box.state.withLock { ($0.lines, $0.count, $0.last) }
        if !rest.isEmpty { try write(rest) }
        return (count, last)
    }

    /// COPY takes no parameters. So the values are put into settings of the transaction, by parameters, and read back by name.
    private static func condition(
        after position: Int64, filter: EventFilter, over connection: PostgresConnection
    ) async throws -> String {
        var conditions: [String] = []
        func require(_ condition: String, _ type: String, _ value: String) async throws {
            let name = "llmgateway.export_\(conditions.count)"
            try await connection.query("SELECT set_config($1, $2, true)", [.text(name), .text(value)])
            conditions.append("\(condition) (current_setting('\(name)')::\(type))")
        }
        try await require("position >", "bigint", String(position))
        if let upTo = filter.upTo { try await require("position <=", "bigint", String(upTo)) }
        if let stream = filter.stream {
            try await require("stream_kind =", "text", stream.kind.rawValue)
            try await require("stream_id =", "uuid", stream.id.lowercase)
        }
        if let kind = filter.streamKind { try await require("stream_kind =", "text", kind.rawValue) }
        if !filter.types.isEmpty {
            let types = filter.types.map { "\"\($0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"" }
            try await require("type = ANY", "text[]", "{\(types.joined(separator: ","))}")
        }
        if let organization = filter.organization {
            try await require("organization =", "uuid", organization.uuid.lowercase)
        }
        if let time = filter.recordedFrom { try await require("recorded_at >=", "timestamptz", time.iso8601) }
        if let time = filter.recordedUntil { try await require("recorded_at <=", "timestamptz", time.iso8601) }
        if let time = filter.occurredFrom { try await require("occurred_at >=", "timestamptz", time.iso8601) }
        if let time = filter.occurredUntil { try await require("occurred_at <=", "timestamptz", time.iso8601) }
        if let id = filter.clientRequestID { try await require("metadata ->> 'client_request_id' =", "text", id) }
        return conditions.joined(separator: " AND ")
    }

    private final class Box: Sendable {
        struct State {
            var isFirst = true
            var lines: [UInt8] = []
            var count = 0
            var last: Int64
        }
        let state: Mutex<State>

        init(last: Int64) { state = Mutex(State(last: last)) }
    }
}
