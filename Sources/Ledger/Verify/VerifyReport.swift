public import struct FoundationEssentials.UUID

/// What a verification found.
public struct VerifyReport: Sendable, Hashable {
    /// The ledger, or nil before it is created.
    public let ledger: UUID?
    /// The last position that was there when the verification began.
    public let head: Int64
    /// The chain's hash at the head, 32 bytes, or empty.
    public let headHash: [UInt8]
    /// How many seals cover it.
    public let seals: Int
    /// The last position that the seals cover.
    public let sealedTo: Int64
    /// Seals that an accepted rollback has made void.
    public let supersededSeals: Int
    /// Whether every seal was made under a role that could not write past `ledger.append`; nil without seals.
    public let sealedProtected: Bool?
    /// The first thing that is wrong.
    public let fault: LedgerFault?
    public let elapsed: Duration

    /// Positions after the last seal: consistent in themselves, but nothing outside the database vouches for them.
    public var unsealedTail: Int64 { max(0, head - sealedTo) }

    /// One line for a person.
    public var summary: String {
        if let fault { return "BROKEN at \(fault)" }
        let how = sealedProtected == false ? " by a role that could change events" : ""
        return "\(head) events verified, sealed to \(sealedTo)\(how), unsealed tail \(unsealedTail)"
    }
}

/// How far a verification is.
public struct VerifyProgress: Sendable, Hashable {
    public let verified: Int64
    public let total: Int64
    public let elapsed: Duration

    /// Events a second so far.
    public var rate: Int64 {
        let (seconds, attoseconds) = elapsed.components
        let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        return milliseconds > 0 ? verified * 1_000 / milliseconds : 0
    }

    /// The time that is left at this rate, or nil before there is one.
    public var remaining: Duration? { rate > 0 ? .seconds((total - verified) / rate) : nil }
}
