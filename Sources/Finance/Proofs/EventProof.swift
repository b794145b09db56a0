public import Ledger
public import Postgres

/// Shows that an event is under a seal. A third party needs the seal and its public key, and nothing of ours, to check it.
public struct EventProof: Sendable {
    public let position: Int64
    /// The event as a line of an export, which says all that the leaf covers.
    public let event: String
    /// SHA-256 of the event's row, as schema/README.md says it.
    public let leaf: [UInt8]
    public let proof: MerkleProof
    public let seal: Seal

    /// - Parameters:
    ///   - seals: Those that hold.
    ///   - organization: Whose event it must be; nil for any.
    /// - Throws: ``FinanceError``: `notFound` for an event that no seal covers yet or that is not there, `unsound` for one that
    ///   is not what the seal covers; and `PostgresError`.
    public static func of(
        position: Int64, organization: OrganizationID? = nil, seals: [Seal], postgres: PostgresClient
    ) async throws -> EventProof {
        let page = try await ExportPage.read(
            after: position - 1, filter: EventFilter(organization: organization, upTo: position), limit: 1, client: postgres)
        guard page.count == 1 else {
            throw FinanceError(.notFound, field: "event", "There is no event at position \(position).")
        }
        guard let seal = seals.first(where: { ($0.from...$0.to).contains(position) }) else {
            throw FinanceError(.notFound, field: "event", "No seal covers position \(position) yet.")
        }
        guard let (leaf, proof) = try await LeafReader(postgres).proof(of: position, under: seal) else {
            throw FinanceError(.notFound, field: "event", "The ledger has not all that the seal to \(seal.to) covers.")
        }
        guard proof.proves(leaf, under: seal.root) else {
            throw FinanceError(
                .unsound, "The event at position \(position) is not what the seal covers: run `llmgateway ledger verify`.")
        }
        let line = String(decoding: page.lines.dropLast(), as: UTF8.self)
        return EventProof(position: position, event: line, leaf: leaf, proof: proof, seal: seal)
    }

    /// One JSON object: the event, its leaf, the way up to the root (`path`, hexadecimal), and the seal as its file has it.
    public var json: String {
        let path = proof.path.map { "\"\(Hexadecimal.encode($0))\"" }.joined(separator: ",")
        return "{\"format\":\"llmgateway proof 1\",\"event\":\(event),\"leaf\":\"\(Hexadecimal.encode(leaf))\","
            + "\"index\":\(proof.index),\"count\":\(proof.count),\"path\":[\(path)],\"seal\":\(seal.json)}"
    }

    /// The same as names and values, the names of the columns first; event and seal are JSON.
    public var table: [[String]] {
        [
            ["name", "value"], ["format", "llmgateway proof 1"], ["event", event], ["leaf", Hexadecimal.encode(leaf)],
            ["index", String(proof.index)], ["count", String(proof.count)],
        ] + proof.path.map { ["path", Hexadecimal.encode($0)] } + [["seal", seal.json]]
    }
}
