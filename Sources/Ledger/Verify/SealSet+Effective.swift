public import struct FoundationEssentials.UUID

extension Verifier.SealSet {
    /// The seals that hold, in a row from position 1: signed, of this ledger, and made void by no accepted rollback.
    public func effective(of ledger: UUID?) -> [Seal] { SealChain(seals, keys: keys, ledger: ledger).effective }
}
