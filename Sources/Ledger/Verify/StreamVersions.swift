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

    /// - Returns: false when the version does not follow the one before.
    mutating func follows(position: Int64, kind: ArraySlice<UInt8>, stream: ArraySlice<UInt8>, version: Int64) -> Bool {
        let high = stream.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let low = stream.dropFirst(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let key = Key(kind: kind.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, high: high, low: low)
        if let before = last.updateValue(version, forKey: key) { return version == before + 1 }
        if version == 1 { return true }
        guard version > 1 else { return false }
        open.append(
            Open(position: position, kind: String(decoding: kind, as: UTF8.self), stream: (high, low), version: version))
        return true
    }
}
