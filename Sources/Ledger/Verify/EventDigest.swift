public import Crypto

public import struct FoundationEssentials.UUID

/// The hash format of the ledger, version 1: what `schema/README.md` says, in Swift.
///
/// leaf = SHA-256 of the binary form of the row of all columns but the hash (as `record_send` gives it);
/// hash = SHA-256 of the hash before and the leaf. The hash before position 1 is SHA-256 of the ledger id's 16 bytes.
public enum EventDigest {
    /// The hash before position 1.
    public static func genesis(ledger: UUID) -> SHA256Digest {
        var bytes: [UInt8] = []
        for half in [ledger.high, ledger.low] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: half >> shift)) }
        }
        return SHA256.hash(data: bytes)
    }

    /// The hash of an event from the hash before it and its leaf, both 32 bytes.
    public static func chain(_ previous: some Sequence<UInt8>, _ leaf: some Sequence<UInt8>) -> SHA256Digest {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64)
        bytes.append(contentsOf: previous)
        bytes.append(contentsOf: leaf)
        return SHA256.hash(data: bytes)
    }

    /// The object ids of the types of the twelve hashed columns, in the order of the table.
    static let columnTypes: InlineArray<12, UInt32> = [20, 2950, 25, 2950, 20, 25, 23, 2950, 3802, 3802, 1184, 1184]
}

extension SHA256 {
    /// The hash of the first `count` bytes.
    static func hash(_ bytes: [UInt8], count: Int) -> SHA256Digest {
        var function = SHA256()
        bytes.withUnsafeBytes { function.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        return function.finalize()
    }
}
