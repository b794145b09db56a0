import Postgres

/// What the next seal will cover as far as it has been read: recomputed, event by event, and not yet signed.
struct SealDraft: Sendable {
    /// The first position that the seal will cover.
    let from: Int64
    /// The last position that was read; `from - 1` while none was.
    private(set) var to: Int64
    /// The stored hash at `to`, once something was read.
    private(set) var chain: [UInt8]?
    private var tree = MerkleTree()

    /// The ledger is not the one that the draft was read from: it was rolled back or written again since.
    struct Outdated: Error, CustomStringConvertible {
        var description: String { "the ledger was written again while it was read" }
    }

    init(from: Int64) {
        self.from = from
        to = from - 1
    }

    /// The Merkle root of what was read.
    var root: [UInt8] { Array(tree.root) }

    /// Reads on, at most so many events and not beyond a position.
    /// - Throws: `LedgerFault` for a chain that is broken, `Outdated`, `PostgresError`.
    mutating func read(to last: Int64, atMost count: Int64, _ connection: PostgresConnection) async throws {
        let next = to + 1
        guard next <= last else { return }
        let unit = VerifyPlan.Unit(pieces: [.init(from: next, to: next + min(last - next, count - 1), seal: 0)])
        let outcome = try await UnitVerifier(connection: connection).verify(UnitScan(unit, continuing: tree), unit: unit)
        // A fault of another ledger's rows is found again from the last seal on, or not at all.
        if let chain, outcome.origin != chain { throw Outdated() }
        if let fault = outcome.fault { throw fault }
        guard let tree = outcome.trees.first ?? nil else { return }
        self.tree = tree
        to = unit.to
        chain = outcome.chain
    }
}
