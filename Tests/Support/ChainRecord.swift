public import struct Foundation.UUID

/// A row of `ledger.events` as its leaf is the hash of it, written from schema/README.md and not from the product's code.
public enum ChainRecord {
    /// The bytes of a row; `data` and `metadata` are the texts that Postgres prints, times are microseconds since 1970.
    public static func bytes(
        position: Int64, id: UUID, streamKind: String, streamID: UUID, streamVersion: Int64, type: String, schemaVersion: Int64,
        organization: UUID?, data: [UInt8], metadata: [UInt8], occurredAt: Int64, recordedAt: Int64
    ) -> [UInt8] {
        // 2000-01-01
        let epoch: Int64 = 946_684_800_000_000
        let columns: [(Int64, [UInt8]?)] = [
            (20, integer(position, 8)), (2950, bytes(of: id)), (25, Array(streamKind.utf8)), (2950, bytes(of: streamID)),
            (20, integer(streamVersion, 8)), (25, Array(type.utf8)), (23, integer(schemaVersion, 4)),
            (2950, organization.map { bytes(of: $0) }), (3802, [1] + data), (3802, [1] + metadata),
            (1184, integer(occurredAt - epoch, 8)), (1184, integer(recordedAt - epoch, 8)),
        ]
        return columns.reduce(into: integer(12, 4)) { record, column in
            record += integer(column.0, 4)
            record += column.1.map { integer(Int64($0.count), 4) + $0 } ?? integer(-1, 4)
        }
    }

    private static func integer(_ value: Int64, _ bytes: Int) -> [UInt8] {
        (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> Int64($0 * 8)) }
    }

    private static func bytes(of id: UUID) -> [UInt8] { withUnsafeBytes(of: id.uuid) { Array($0) } }
}
