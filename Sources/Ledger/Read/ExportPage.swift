public import Postgres
import Synchronization

/// A part of an export that is read at once and holds nothing in the database afterwards: for readers that may be slow.
public struct ExportPage: Sendable {
    /// Whole lines, as ``Exporter`` writes them.
    public let lines: [UInt8]
    public let count: Int
    /// The position of the last event; what was asked after when there is none.
    public let last: Int64

    /// Reads the first events after a position.
    ///
    /// - Parameters:
    ///   - limit: How many at most.
    public static func read(
        after position: Int64, filter: EventFilter = .all, limit: Int, client: PostgresClient
    ) async throws -> ExportPage {
        let lines = Mutex([UInt8]())
        let read = try await client.withTransaction("BEGIN READ ONLY") { connection in
            try await Exporter.events(after: position, filter: filter, limit: limit, over: connection) { chunk in
                lines.withLock { $0 += chunk }
            }
        }
        return ExportPage(lines: lines.withLock { $0 }, count: read.count, last: read.last)
    }

    /// The line that an export after a position begins with.
    ///
    /// - Parameter isFiltered: Whether events are left out, so that the chain can't be recomputed from the lines alone.
    public static func header(after position: Int64, isFiltered: Bool, client: PostgresClient) async throws -> [UInt8] {
        try await client.withConnection {
            try await Exporter.header(after: position, isFiltered: isFiltered, over: $0)
        }
    }
}
