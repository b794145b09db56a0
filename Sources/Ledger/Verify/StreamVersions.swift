/// Follows the versions of streams through a range of positions.
///
/// It holds what the range itself shows. Where a stream began before the range, the version before is asked of the database.
struct StreamVersions {
    /// An event whose predecessor lies before the range.
    struct Open: Sendable {
        let position: Int64
        let kind: String
        let stream: (high: UInt64, low: UInt64)
        let version: Int64
    }

    private struct Key: Hashable {
        /// The first eight bytes of the kind, which tell all kinds apart.
        let kind: UInt64
        let high: UInt64
        let low: UInt64
    }

    private var last: [Key: Int64] = [:]
    private(set) var open: [Open] = []

    /// - Parameter expected: about how many streams will come.
    init(expected: Int = 0) { last.reserveCapacity(expected) }

    /// Takes the next event; its columns must be there, and its stream's id must have 16 bytes.
    /// - Returns: false when the version does not follow the one before.
    mutating func follows(_ event: CopiedEvent, in chunk: [UInt8], position: Int64, version: Int64) -> Bool {
        guard let kind = event.range(.streamKind), let stream = event.range(.streamID) else { return false }
        let bytes = chunk.span.bytes
        let high = bytes.bigEndian(at: stream.lowerBound, as: UInt64.self)
        let low = bytes.bigEndian(at: stream.lowerBound + 8, as: UInt64.self)
        var name: UInt64 = 0
        for index in kind.prefix(8) { name = name << 8 | UInt64(chunk[index]) }
        if let before = last.updateValue(version, forKey: Key(kind: name, high: high, low: low)) { return version == before + 1 }
        if version == 1 { return true }
        guard version > 1 else { return false }
        let text = String(decoding: chunk[kind], as: UTF8.self)
        open.append(Open(position: position, kind: text, stream: (high, low), version: version))
        return true
    }
}
