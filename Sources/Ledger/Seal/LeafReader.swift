import Crypto
public import Postgres
import Synchronization

/// Reads the leaves of sealed events, to prove one of them.
public struct LeafReader: Sendable {
    private let client: PostgresClient

    public init(_ client: PostgresClient) { self.client = client }

    /// The leaf hashes of a range, 32 bytes each.
    public func leaves(_ range: ClosedRange<Int64>) async throws -> [[UInt8]] {
        let copy =
            "COPY (SELECT \(CopiedEvents.columns) FROM ledger.events WHERE position BETWEEN \(range.lowerBound)"
            + " AND \(range.upperBound) ORDER BY position) TO STDOUT (FORMAT binary)"
        let box = Box()
        try await client.withConnection { connection in
            try await connection.copyOut(copy, deadline: .seconds(600)) { chunk in
                try box.state.withLock { state in
                    var events = try CopiedEvents(chunk, isFirst: state.isFirst)
                    state.isFirst = false
                    var buffer: [UInt8] = []
                    while let event = try events.next(chunk) {
                        let size = event.writeRecord(of: chunk, into: &buffer)
                        state.leaves.append(Array(SHA256.hash(buffer, count: size)))
                    }
                }
            }
        }
        return box.state.withLock { $0.leaves }
    }

    /// Proves that the event at a position is under a seal; nil when the seal does not cover it or the ledger has not all of it.
    public func proof(of position: Int64, under seal: Seal) async throws -> (leaf: [UInt8], proof: MerkleProof)? {
        guard (seal.from...seal.to).contains(position) else { return nil }
        let leaves = try await leaves(seal.from...seal.to)
        let index = Int(position - seal.from)
        guard Int64(leaves.count) == seal.to - seal.from + 1, let proof = MerkleProof(index: index, entries: leaves) else {
            return nil
        }
        return (leaves[index], proof)
    }

    private final class Box: Sendable {
        struct State {
            var isFirst = true
            var leaves: [[UInt8]] = []
        }
        let state = Mutex(State())
    }
}
