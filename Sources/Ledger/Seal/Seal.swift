import Crypto

public import struct FoundationEssentials.UUID

/// A signed statement, kept outside the database, of what the ledger was at a moment.
///
/// The signature is Ed25519 over `statement`, seven lines of text that anyone can write down again. A seal holds the hash of
/// the statement before it, so seals can't be left out either.
public struct Seal: Sendable, Hashable {
    public let ledger: UUID
    /// The first position that is sealed.
    public let from: Int64
    /// The last position that is sealed.
    public let to: Int64
    /// The chain's hash at `to`, 32 bytes.
    public let chain: [UInt8]
    /// The RFC 6962 Merkle root of the leaves `from...to`, 32 bytes.
    public let root: [UInt8]
    /// SHA-256 of the statement of the seal before; 32 zero bytes for the first.
    public let previous: [UInt8]
    public let time: Timestamp
    /// Whether the service could not have written past `ledger.append` when it sealed.
    public let isProtected: Bool
    /// Ed25519 over the statement, 64 bytes.
    public internal(set) var signature: [UInt8] = []

    /// The hash before the first seal.
    static let none = [UInt8](repeating: 0, count: 32)

    init(
        ledger: UUID, from: Int64, to: Int64, chain: [UInt8], root: [UInt8], previous: [UInt8], time: Timestamp, isProtected: Bool
    ) {
        self.ledger = ledger
        self.from = from
        self.to = to
        self.chain = chain
        self.root = root
        self.previous = previous
        self.time = time
        self.isProtected = isProtected
    }

    /// The text that is signed: a line each, ended by a line feed.
    public var statement: String {
        """
        llmgateway seal 1
        ledger \(ledger.lowercase)
        positions \(from) \(to)
        chain \(Hexadecimal.encode(chain))
        root \(Hexadecimal.encode(root))
        previous \(Hexadecimal.encode(previous))
        time \(time.microseconds)
        protected \(isProtected)

        """
    }

    /// SHA-256 of the statement: what the next seal holds as `previous`.
    public var hash: [UInt8] { Array(SHA256.hash(data: Array(statement.utf8))) }

    /// Whether the signature is one of these keys'.
    func isSigned(by keys: [Curve25519.Signing.PublicKey]) -> Bool {
        let text = Array(statement.utf8)
        return keys.contains { $0.isValidSignature(signature, for: text) }
    }
}
