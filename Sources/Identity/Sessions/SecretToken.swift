internal import Crypto

/// A random secret that is shown once: 256 bits as base64url. Only its SHA-256 is kept.
struct SecretToken: Sendable, Hashable, CustomStringConvertible {
    let secret: String

    /// Mints one from the system's generator.
    init() { secret = Base64URL.encode(Self.random(32)) }

    /// One that a client shows; nil when it can't be one, which saves asking the database.
    init?(_ text: String) {
        guard text.utf8.count == 43, Base64URL.decode(text) != nil else { return nil }
        secret = text
    }

    /// SHA-256 of the secret's text.
    var digest: [UInt8] { Array(SHA256.hash(data: Array(secret.utf8))) }

    /// Nothing of the secret.
    var description: String { "secret token" }

    static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
