import Postgres

import struct FoundationEssentials.UUID

/// The call of `ledger.append` for several commands, and the reading of its answer.
enum AppendBatch {
    static let sql =
        "SELECT command, result, first_position, last_position, detail"
        + " FROM ledger.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"

    /// The twelve arrays, one entry an event.
    static func parameters(_ commands: [Command]) -> [PostgresValue] {
        var ordinals: [Int32?] = []
        var ids: [UUID?] = []
        var kinds: [String?] = []
        var streams: [UUID?] = []
        var expected: [Int64?] = []
        var types: [String?] = []
        var schemaVersions: [Int32?] = []
        var organizations: [UUID?] = []
        var data: [[UInt8]?] = []
        var metadata: [[UInt8]?] = []
        var occurred: [Int64?] = []
        var epochs: [Int64?] = []
        let count = commands.reduce(0) { $0 + $1.events.count }
        ids.reserveCapacity(count)
        kinds.reserveCapacity(count)
        streams.reserveCapacity(count)
        types.reserveCapacity(count)
        organizations.reserveCapacity(count)
        data.reserveCapacity(count)
        metadata.reserveCapacity(count)
        for (index, command) in commands.enumerated() {
            for event in command.events {
                ordinals.append(Int32(truncatingIfNeeded: index + 1))
                ids.append(event.id.uuid)
                kinds.append(event.stream.kind.rawValue)
                streams.append(event.stream.id)
                expected.append(event.expectedVersion)
                types.append(event.type)
                schemaVersions.append(event.schemaVersion)
                organizations.append(event.organization?.uuid)
                data.append(event.data)
                metadata.append(event.metadata)
                occurred.append(event.occurredAt.microseconds)
                epochs.append(event.epoch)
            }
        }
        return [
            .int4Array(ordinals), .uuidArray(ids), .textArray(kinds), .uuidArray(streams), .int8Array(expected),
            .textArray(types), .int4Array(schemaVersions), .uuidArray(organizations), .jsonbArray(data), .jsonbArray(metadata),
            .timestamptzArray(occurred), .int8Array(epochs),
        ]
    }

    /// The results in the order of the commands; nil when the answer is not one.
    static func results(_ rows: PostgresRows, count: Int) -> [AppendResult]? {
        guard rows.count == count else { return nil }
        var results: [AppendResult] = []
        results.reserveCapacity(count)
        for (index, row) in rows.enumerated() {
            guard let result = try? result(row, ordinal: index + 1) else { return nil }
            results.append(result)
        }
        return results
    }

    private static func result(_ row: PostgresRow, ordinal: Int) throws(PostgresError) -> AppendResult? {
        guard try row.decode(0, as: Int32.self) == Int32(truncatingIfNeeded: ordinal) else { return nil }
        switch try row.decode(1, as: String.self) {
        case "appended": return .appended(first: try row.decode(2), last: try row.decode(3))
        case "already": return .already(first: try row.decode(2), last: try row.decode(3))
        case "idempotency_conflict": return .idempotencyConflict
        case "version_conflict": return .versionConflict(current: try row.decode(4))
        case "stale_epoch": return .staleEpoch(current: try row.decode(4))
        default: return nil
        }
    }
}
