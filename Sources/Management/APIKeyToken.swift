internal import Crypto
internal import FoundationEssentials
internal import Ledger

/// An API key's secret: shown once when it is made, kept nowhere.
public struct APIKeyToken: Sendable, CustomStringConvertible {
    /// The text that a client sends as its bearer token: `llmgtwy_` and 43 characters of base 62, about 256 bits.
    public let secret: String

    private static let prefix = "llmgtwy_"
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

    /// Mints a token from the system's generator.
    public init() {
        var generator = SystemRandomNumberGenerator()
        secret = Self.prefix + String((0..<43).map { _ in Self.alphabet[Int.random(in: 0..<62, using: &generator)] })
    }

    /// SHA-256 of the secret in hex: all that the ledger and Redis ever know of it.
    public var digest: String { Self.digest(of: secret) }

    static func digest(of secret: String) -> String {
        Hexadecimal.encode(SHA256.hash(data: Data(secret.utf8)))
    }

    /// The first 12 characters: four of the 43 that are secret, enough to tell keys apart.
    public var hint: String { String(secret.prefix(12)) }

    /// What a person may see afterwards, enough to tell keys apart.
    public var masked: String { hint + String(repeating: "\u{2022}", count: 8) }

    public var description: String { masked }
}
