import Crypto

/// Shows that one entry is under a root, with about log2(n) hashes (RFC 6962, 2.1.1).
public struct MerkleProof: Sendable, Hashable, Codable {
    /// The entry's place, from 0.
    public let index: Int64
    /// The number of entries under the root.
    public let count: Int64
    /// The hashes beside the way up, lowest first, 32 bytes each.
    public let path: [[UInt8]]

    public init(index: Int64, count: Int64, path: [[UInt8]]) {
        self.index = index
        self.count = count
        self.path = path
    }

    /// The proof of the entry at `index`, or nil when there is none.
    /// - Parameter entries: all entries under the root, 32 bytes each.
    public init?(index: Int, entries: [[UInt8]]) {
        guard entries.indices.contains(index) else { return nil }
        var path: [[UInt8]] = []
        var range = 0..<entries.count
        while range.count > 1 {
            let split = range.lowerBound + Self.split(range.count)
            let (inside, beside) =
                index < split
                ? (range.lowerBound..<split, split..<range.upperBound) : (split..<range.upperBound, range.lowerBound..<split)
            var tree = MerkleTree()
            for entry in entries[beside] { tree.append(entry) }
            path.append(Array(tree.root))
            range = inside
        }
        self.init(index: Int64(index), count: Int64(entries.count), path: path.reversed())
    }

    /// Whether the entry stands at this place under the root.
    public func proves(_ entry: some Sequence<UInt8>, under root: some Sequence<UInt8>) -> Bool {
        guard index >= 0, index < count else { return false }
        // RFC 9162, 2.1.3.2: fn and sn are the entry's and the last entry's number at each level.
        var fn = index
        var sn = count - 1
        var hash = Array(MerkleTree.leaf(entry))
        for sibling in path {
            guard sn > 0, sibling.count == 32 else { return false }
            if fn & 1 == 1 || fn == sn {
                hash = Array(MerkleTree.join(sibling, hash))
                while fn & 1 == 0 && fn != 0 {
                    fn >>= 1
                    sn >>= 1
                }
            } else {
                hash = Array(MerkleTree.join(hash, sibling))
            }
            fn >>= 1
            sn >>= 1
        }
        return sn == 0 && hash.elementsEqual(root)
    }

    /// The largest power of two below `count`.
    private static func split(_ count: Int) -> Int {
        1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
    }
}
