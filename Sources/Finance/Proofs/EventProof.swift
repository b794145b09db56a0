public import Ledger
public import Postgres

/// Shows that an event is under a seal. A third party needs the seal and its public key, and nothing of ours, to check it.
public struct EventProof: Sendable {
    public let position: Int64
    /// SHA-256 of the event's row, as schema/README.md says it.
    public let leaf: [UInt8]
    public let proof: MerkleProof
    public let seal: Seal

    /// - Parameter seals: Those that hold.
    /// - Throws: `notFound` for an event that no seal covers yet or that is not there.
    public static func of(
        position: Int64, seals: [Seal], postgres: PostgresClient
    ) async throws -> EventProof {
        guard let seal = seals.first(where: { ($0.from...$0.to).contains(position) }) else {
            throw FinanceError(.notFound, field: "event", "No seal covers position \(position) yet.")
        }
        guard let (leaf, proof) = try await LeafReader(postgres).proof(of: position, under: seal) else {
            throw FinanceError(.notFound, field: "event", "The ledger has not all that the seal to \(seal.to) covers.")
        }
        return EventProof(position: position, leaf: leaf, proof: proof, seal: seal)
    }

    /// Whether the event is under the seal's root.
    public var isSound: Bool { proof.proves(leaf, under: seal.root) }
}
