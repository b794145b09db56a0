import struct FoundationEssentials.UUID

/// A row of the ledger as a line of an export.
enum ExportedEvent {
    /// 2000-01-01, from which Postgres counts, in microseconds since 1970.
    private static let epoch: Int64 = 946_684_800_000_000

    static func line(_ event: CopiedEvent, in chunk: [UInt8]) throws(CopiedEvents.Malformed) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("position", try integer(event, chunk, .position))
        writer.member("id", try uuid(event, chunk, .id))
        writer.member("stream_kind", try text(event, chunk, .streamKind))
        writer.member("stream_id", try uuid(event, chunk, .streamID))
        writer.member("stream_version", try integer(event, chunk, .streamVersion))
        writer.member("type", try text(event, chunk, .type))
        writer.member("schema_version", try integer(event, chunk, .schemaVersion))
        writer.member("organization", event.range(.organization) == nil ? nil : try uuid(event, chunk, .organization))
        writer.member("data", try json(event, chunk, .data))
        writer.member("metadata", try json(event, chunk, .metadata))
        writer.member("occurred_at", try integer(event, chunk, .occurredAt) + epoch)
        writer.member("recorded_at", try integer(event, chunk, .recordedAt) + epoch)
        writer.member("hash", Hexadecimal.encode(try bytes(event, chunk, .hash)))
        writer.endObject()
        return writer.bytes + [0x0A]
    }

    private static func bytes(_ event: CopiedEvent, _ chunk: [UInt8], _ column: CopiedEvent.Column) throws(CopiedEvents.Malformed)
        -> ArraySlice<
            UInt8
        >
    {
        guard let bytes = event.bytes(column, in: chunk) else { throw CopiedEvents.Malformed() }
        return bytes
    }

    private static func integer(_ event: CopiedEvent, _ chunk: [UInt8], _ column: CopiedEvent.Column) throws(CopiedEvents
        .Malformed) -> Int64
    {
        guard let value = event.integer(column, in: chunk) else { throw CopiedEvents.Malformed() }
        return value
    }

    private static func text(_ event: CopiedEvent, _ chunk: [UInt8], _ column: CopiedEvent.Column) throws(CopiedEvents.Malformed)
        -> String
    {
        String(decoding: try bytes(event, chunk, column), as: UTF8.self)
    }

    private static func uuid(_ event: CopiedEvent, _ chunk: [UInt8], _ column: CopiedEvent.Column) throws(CopiedEvents.Malformed)
        -> String
    {
        let bytes = try bytes(event, chunk, column)
        guard bytes.count == 16 else { throw CopiedEvents.Malformed() }
        let half: (ArraySlice<UInt8>) -> UInt64 = { $0.reduce(0) { $0 << 8 | UInt64($1) } }
        return UUID(high: half(bytes.prefix(8)), low: half(bytes.dropFirst(8))).lowercase
    }

    /// The binary form of a `jsonb` is a version byte, 1, and its text.
    private static func json(_ event: CopiedEvent, _ chunk: [UInt8], _ column: CopiedEvent.Column) throws(CopiedEvents.Malformed)
        -> String
    {
        let bytes = try bytes(event, chunk, column)
        guard bytes.first == 1 else { throw CopiedEvents.Malformed() }
        return String(decoding: bytes.dropFirst(), as: UTF8.self)
    }
}
