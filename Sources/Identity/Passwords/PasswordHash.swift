internal import Crypto
internal import CryptoExtras
internal import FoundationEssentials

/// What a password hash costs. Stored beside each hash, so that the present cost can be raised.
public struct PasswordCost: Sendable, Hashable {
    /// scrypt's N, a power of two: 128 * `rounds` * `blockSize` bytes are needed while hashing.
    public var rounds: Int
    /// scrypt's r
    public var blockSize: Int
    /// scrypt's p, computed one after the other.
    public var parallelism: Int

    /// 32 MiB three times over, what OWASP's cheat sheet asks of scrypt where 128 MiB at once are too much.
    public init(rounds: Int = 1 << 15, blockSize: Int = 8, parallelism: Int = 3) {
        self.rounds = rounds
        self.blockSize = blockSize
        self.parallelism = parallelism
    }
}

/// A password as it is stored: scrypt (RFC 7914) with a random salt.
struct PasswordHash: Sendable, Hashable {
    let cost: PasswordCost
    let salt: [UInt8]
    let hash: [UInt8]

    init(cost: PasswordCost, salt: [UInt8], hash: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// Hashes a new password. Takes a tenth of a second or so: run it through ``PasswordHasher``.
    ///
    /// - Parameter salt: That of the hash before, for a password that is the same.
    init(of password: String, cost: PasswordCost, salt: [UInt8] = SecretToken.random(16)) throws {
        self.init(cost: cost, salt: salt, hash: try Self.derive(password, cost, salt))
    }

    func matches(_ password: String) throws -> Bool {
        ConstantTime.equal(try Self.derive(password, cost, salt), hash)
    }

    /// What an unknown account's password is compared with, so that it takes as long as a known one's.
    static func decoy(_ cost: PasswordCost) -> PasswordHash {
        PasswordHash(cost: cost, salt: Array(repeating: 0, count: 16), hash: Array(repeating: 0, count: 32))
    }

    private static func derive(_ password: String, _ cost: PasswordCost, _ salt: [UInt8]) throws -> [UInt8] {
        let key = try KDF.Scrypt.deriveKey(
            from: Array(password.utf8), salt: salt, outputByteCount: 32, rounds: cost.rounds, blockSize: cost.blockSize,
            parallelism: cost.parallelism)
        return key.withUnsafeBytes { Array($0) }
    }
}
