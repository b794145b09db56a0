import Crypto
import Postgres

import struct FoundationEssentials.UUID

/// The seals of a ledger in their order, checked among themselves.
struct SealChain {
    /// A seal that begins again at an older position, after an accepted rollback.
    private struct Rollback {
        let by: Seal
        /// The newest seal that it makes void.
        let superseded: Seal
    }

    /// The seals that hold, in a row from position 1.
    private(set) var effective: [Seal] = []
    private(set) var superseded = 0
    private var rollbacks: [Rollback] = []
    /// The first thing that is wrong with the seals themselves.
    var fault: LedgerFault?

    /// - Parameter ledger: nil when the ledger has lost its first event, which names it; then that of the first seal.
    init(_ seals: [Seal], keys: [Curve25519.Signing.PublicKey], ledger: UUID?) {
        let ledger = ledger ?? seals.first?.ledger
        var previous: Seal?
        for seal in seals {
            func bad(_ why: String) -> LedgerFault { LedgerFault(position: seal.from, reason: .badSeal(why)) }
            if !seal.isSigned(by: keys) {
                fault = bad("is not signed by the seal key")
            } else if seal.ledger != ledger {
                fault = bad("is of another ledger")
            } else if seal.previous != previous?.hash ?? Seal.none {
                fault = bad("does not follow the seal before it")
            } else if seal.to < seal.from || seal.from < 1 {
                fault = bad("covers nothing")
            } else {
                let newest = effective.last
                let before = effective.count
                effective.removeAll { $0.to >= seal.from }
                superseded += before - effective.count
                if let newest, effective.count < before { rollbacks.append(Rollback(by: seal, superseded: newest)) }
                if seal.from != (effective.last?.to ?? 0) + 1 { fault = bad("leaves a gap") }
                effective.append(seal)
            }
            if fault != nil { return }
            previous = seal
        }
    }

    /// A seal that makes others void must cover the event that accepted it.
    func unacceptedRollback(_ connection: PostgresConnection) async throws -> LedgerFault? {
        for rollback in rollbacks {
            let rows = try await connection.query(
                """
                SELECT FROM ledger.events
                WHERE position BETWEEN $1 AND $2 AND type = $3 AND data = jsonb_build_object(
                    'sealed_to', $4::bigint, 'sealed_hash', $5::text, 'head', data -> 'head')
                LIMIT 1
                """,
                [
                    .int8(rollback.by.from), .int8(rollback.by.to), .text(RollbackAccepted.type),
                    .int8(rollback.superseded.to), .text(Hexadecimal.encode(rollback.superseded.chain)),
                ])
            if rows.isEmpty {
                return LedgerFault(
                    position: rollback.by.from, reason: .badSeal("takes back sealed events, and no rollback was accepted"))
            }
        }
        return nil
    }

    /// What the recomputed ledger says against the seals.
    func faults(_ outcomes: [UnitVerifier.Outcome]) -> [LedgerFault] {
        var trees: [Int: MerkleTree] = [:]
        var complete: Set<Int> = []
        var faults: [LedgerFault] = []
        for outcome in outcomes.sorted(by: { $0.unit.from < $1.unit.from }) where outcome.fault == nil {
            for (piece, tree) in zip(outcome.unit.pieces, outcome.trees) {
                guard let index = piece.seal, let tree else { continue }
                trees[index, default: MerkleTree()].append(tree)
                if piece.to == effective[index].to { complete.insert(index) }
            }
        }
        let resealed = Set(outcomes.compactMap(\.resealed))
        for (index, seal) in effective.enumerated() {
            let count = seal.to - seal.from + 1
            let isWhole = complete.contains(index) && trees[index]?.count == count
            let wrongRoot = isWhole && trees[index].map { !$0.root.elementsEqual(seal.root) } ?? false
            if wrongRoot || resealed.contains(seal.to) {
                faults.append(LedgerFault(position: seal.from, reason: .rewritten(sealedFrom: seal.from, sealedTo: seal.to)))
            }
        }
        return faults
    }
}
