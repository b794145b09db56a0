/// Reads rows of `ledger.events` from the chunks of a binary COPY of all its columns.
///
/// A chunk holds whole rows. The first begins with the header of the format, the last ends with its trailer. Rows know only
/// where their columns are, so that reading a million of them allocates nothing; every use is given the chunk again.
struct CopiedEvents {
    /// The columns of `ledger.events` in their order, for the COPY.
    static let columns =
        "position, id, stream_kind, stream_id, stream_version, type, schema_version, organization, data, metadata,"
        + " occurred_at, recorded_at, hash"
    private static let count = 13
    private static let header: [UInt8] = [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00]

    /// What COPY sent is not rows of this shape.
    struct Malformed: Error {}

    private var offset = 0

    init(_ chunk: [UInt8], isFirst: Bool) throws(Malformed) {
        guard isFirst else { return }
        guard chunk.count >= 19, chunk.starts(with: Self.header) else { throw Malformed() }
        offset = 19 + Int(chunk.span.bytes.bigEndian(at: 15, as: UInt32.self))
    }

    /// The next row, or nil at the end of the chunk.
    mutating func next(_ chunk: [UInt8]) throws(Malformed) -> CopiedEvent? {
        let bytes = chunk.span.bytes
        guard offset < bytes.byteCount else { return nil }
        guard offset + 2 <= bytes.byteCount else { throw Malformed() }
        let fields = bytes.bigEndian(at: offset, as: Int16.self)
        offset += 2
        if fields == -1 { return nil }
        guard fields == Self.count else { throw Malformed() }
        var event = CopiedEvent()
        for column in 0..<Self.count {
            guard offset + 4 <= bytes.byteCount else { throw Malformed() }
            let length = Int(bytes.bigEndian(at: offset, as: Int32.self))
            let end = offset + 4 + max(0, length)
            guard length >= -1, end <= bytes.byteCount else { throw Malformed() }
            event.starts[column] = offset
            event.lengths[column] = length
            offset = end
        }
        return event
    }
}

/// One row: where its columns are in the chunk.
struct CopiedEvent {
    enum Column: Int {
        case position, id, streamKind, streamID, streamVersion, type, schemaVersion, organization, data, metadata, occurredAt,
            recordedAt, hash
    }

    /// Where the length of each column lies; its bytes follow.
    fileprivate(set) var starts: InlineArray<13, Int> = .init(repeating: 0)
    /// -1 for NULL.
    fileprivate(set) var lengths: InlineArray<13, Int> = .init(repeating: 0)

    fileprivate init() {}

    /// Where the bytes of a column are in the chunk, or nil for NULL.
    func range(_ column: Column) -> Range<Int>? {
        let length = lengths[column.rawValue]
        let start = starts[column.rawValue] + 4
        return length < 0 ? nil : start..<(start + length)
    }

    /// The bytes of a column, or nil for NULL.
    func bytes(_ column: Column, in chunk: [UInt8]) -> ArraySlice<UInt8>? { range(column).map { chunk[$0] } }

    func integer(_ column: Column, in chunk: [UInt8]) -> Int64? {
        let start = starts[column.rawValue] + 4
        switch lengths[column.rawValue] {
        case 8: return chunk.span.bytes.bigEndian(at: start, as: Int64.self)
        case 4: return Int64(chunk.span.bytes.bigEndian(at: start, as: Int32.self))
        default: return nil
        }
    }

    /// Writes what `record_send` gives for the hashed columns to the beginning of `buffer`, which grows when it is too small.
    /// - Returns: the length of the record; what is behind it in the buffer is left of a longer one.
    func writeRecord(of chunk: [UInt8], into buffer: inout [UInt8]) -> Int {
        let size = 4 + 4 * 12 + starts[CopiedEvent.Column.hash.rawValue] - starts[0]
        if buffer.count < size { buffer.append(contentsOf: repeatElement(0, count: 2 * size - buffer.count)) }
        chunk.withUnsafeBytes { chunk in
            buffer.withUnsafeMutableBytes { buffer in
                buffer.storeBytes(of: UInt32(12).bigEndian, as: UInt32.self)
                var offset = 4
                for column in 0..<12 {
                    buffer.storeBytes(of: EventDigest.columnTypes[column].bigEndian, toByteOffset: offset, as: UInt32.self)
                    // COPY and record_send agree on length and bytes.
                    let end = starts[column + 1]
                    UnsafeMutableRawBufferPointer(rebasing: buffer[(offset + 4)...])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[starts[column]..<end]))
                    offset += 4 + end - starts[column]
                }
            }
        }
        return size
    }
}

extension RawSpan {
    /// An integer in network order; the bytes must be there.
    func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type) -> T {
        T(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }
}
