public import Crypto

/// The Merkle tree of RFC 6962 over a list of leaves, by appending: it holds one hash for each level.
///
/// The entries are the events' leaf hashes, 32 bytes each. Full subtrees can be computed apart and appended whole, which is
/// how several tasks share the work.
public struct MerkleTree: Sendable {
    /// A full subtree of 2^level entries.
    struct Node: Sendable {
        let level: Int
        let hash: SHA256Digest
    }

    /// Full subtrees from left to right, each larger than the next.
    private(set) var nodes: [Node] = []
    /// How many entries there are.
    public private(set) var count: Int64 = 0

    public init() {}

    /// Appends one entry.
    public mutating func append(_ entry: some Sequence<UInt8>) {
        push(Node(level: 0, hash: Self.leaf(entry)))
    }

    /// Appends one entry, as the verifier has it.
    mutating func append(_ entry: SHA256Digest) {
        push(Node(level: 0, hash: Self.leaf(entry)))
    }

    /// Appends the entries of another tree; this one's count must be a multiple of the size of each of its subtrees.
    mutating func append(_ other: MerkleTree) {
        for node in other.nodes { push(node) }
    }

    /// The root over all entries; of none it is SHA-256 of nothing.
    public var root: SHA256Digest {
        guard var hash = nodes.last?.hash else { return SHA256.hash(data: [UInt8]()) }
        for node in nodes.dropLast().reversed() { hash = Self.join(node.hash, hash) }
        return hash
    }

    private mutating func push(_ node: Node) {
        precondition(count % (Int64(1) << node.level) == 0, "a subtree must begin at a multiple of its size")
        var node = node
        count += Int64(1) << node.level
        while let last = nodes.last, last.level == node.level {
            node = Node(level: node.level + 1, hash: Self.join(last.hash, node.hash))
            nodes.removeLast()
        }
        nodes.append(node)
    }

    static func leaf(_ entry: some Sequence<UInt8>) -> SHA256Digest {
        var bytes: [UInt8] = [0]
        bytes.reserveCapacity(33)
        bytes.append(contentsOf: entry)
        return SHA256.hash(data: bytes)
    }

    static func join(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> SHA256Digest {
        var bytes: [UInt8] = [1]
        bytes.reserveCapacity(65)
        bytes.append(contentsOf: left)
        bytes.append(contentsOf: right)
        return SHA256.hash(data: bytes)
    }

    // The same of digests, of which the verifier joins one for each event: nothing is allocated for the bytes.

    private static func leaf(_ entry: SHA256Digest) -> SHA256Digest {
        var function = SHA256()
        withUnsafeBytes(of: UInt8(0)) { function.update(bufferPointer: $0) }
        entry.withUnsafeBytes { function.update(bufferPointer: $0) }
        return function.finalize()
    }

    private static func join(_ left: SHA256Digest, _ right: SHA256Digest) -> SHA256Digest {
        var function = SHA256()
        withUnsafeBytes(of: UInt8(1)) { function.update(bufferPointer: $0) }
        left.withUnsafeBytes { function.update(bufferPointer: $0) }
        right.withUnsafeBytes { function.update(bufferPointer: $0) }
        return function.finalize()
    }
}
