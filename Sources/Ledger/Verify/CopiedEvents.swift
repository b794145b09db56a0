/// Reads rows of `ledger.events` from the chunks of a binary COPY of all its columns.
///
/// A chunk holds whole rows. The first begins with the header of the format, the last ends with its trailer.
struct CopiedEvents {
    /// The columns of `ledger.events` in their order, for the COPY.
    static let columns =
        "position, id, stream_kind, stream_id, stream_version, type, schema_version, organization, data, metadata,"
        + " occurred_at, recorded_at, hash"
    private static let count = 13
    private static let header: [UInt8] = [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00]

    /// What COPY sent is not rows of this shape.
    struct Malformed: Error {}

    private let chunk: [UInt8]
    private var offset = 0

    init(chunk: [UInt8], isFirst: Bool) throws(Malformed) {
        self.chunk = chunk
        guard isFirst else { return }
        guard chunk.count >= 19, chunk.starts(with: Self.header) else { throw Malformed() }
        offset = 15
        offset += 4 + Int(try integer32(at: 15))
    }

    /// The next row, or nil at the end of the chunk.
    mutating func next() throws(Malformed) -> CopiedEvent? {
        guard offset < chunk.count else { return nil }
        guard offset + 2 <= chunk.count else { throw Malformed() }
        let fields = Int16(bitPattern: UInt16(chunk[offset]) << 8 | UInt16(chunk[offset + 1]))
        offset += 2
        if fields == -1 { return nil }
        guard fields == Self.count else { throw Malformed() }
        var event = CopiedEvent(chunk: chunk)
        for column in 0..<Self.count {
            let length = Int(try integer32(at: offset))
            guard length >= -1, offset + 4 + max(0, length) <= chunk.count else { throw Malformed() }
            event.starts[column] = offset
            event.lengths[column] = length
            offset += 4 + max(0, length)
        }
        return event
    }

    private func integer32(at offset: Int) throws(Malformed) -> Int32 {
        guard offset + 4 <= chunk.count else { throw Malformed() }
        return Int32(
            bitPattern: UInt32(chunk[offset]) << 24 | UInt32(chunk[offset + 1]) << 16 | UInt32(chunk[offset + 2]) << 8
                | UInt32(chunk[offset + 3]))
    }
}

/// One row: where its columns are in the chunk.
struct CopiedEvent {
    enum Column: Int {
        case position, id, streamKind, streamID, streamVersion, type, schemaVersion, organization, data, metadata, occurredAt,
            recordedAt, hash
    }

    let chunk: [UInt8]
    /// Where the length of each column lies; its bytes follow.
    fileprivate(set) var starts: InlineArray<13, Int> = .init(repeating: 0)
    /// -1 for NULL.
    fileprivate(set) var lengths: InlineArray<13, Int> = .init(repeating: 0)

    init(chunk: [UInt8]) { self.chunk = chunk }

    /// The bytes of a column, or nil for NULL.
    func bytes(_ column: Column) -> ArraySlice<UInt8>? {
        let start = starts[column.rawValue] + 4
        let length = lengths[column.rawValue]
        return length < 0 ? nil : chunk[start..<(start + length)]
    }

    func integer(_ column: Column) -> Int64? {
        guard let bytes = bytes(column), bytes.count == 8 || bytes.count == 4 else { return nil }
        let unsigned = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return bytes.count == 8 ? Int64(bitPattern: unsigned) : Int64(Int32(bitPattern: UInt32(unsigned)))
    }

    /// Writes what `record_send` gives for the hashed columns into `buffer`, replacing what is there.
    func writeRecord(into buffer: inout [UInt8]) {
        buffer.removeAll(keepingCapacity: true)
        buffer.append(contentsOf: [0, 0, 0, 12])
        for column in 0..<12 {
            let type = EventDigest.columnTypes[column]
            buffer.append(UInt8(truncatingIfNeeded: type >> 24))
            buffer.append(UInt8(truncatingIfNeeded: type >> 16))
            buffer.append(UInt8(truncatingIfNeeded: type >> 8))
            buffer.append(UInt8(truncatingIfNeeded: type))
            // COPY and record_send agree on length and bytes.
            buffer.append(contentsOf: chunk[starts[column]..<(starts[column] + 4 + max(0, lengths[column]))])
        }
    }
}
