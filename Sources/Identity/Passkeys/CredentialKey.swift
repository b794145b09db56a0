internal import Crypto
internal import CryptoExtras
internal import FoundationEssentials

/// A passkey's public key, as COSE (RFC 9053, 8230) writes it.
struct CredentialKey: Sendable {
    /// The signature algorithms that a passkey may have, by their COSE numbers, the preferred first.
    enum Algorithm: Int64, Sendable, CaseIterable {
        /// ECDSA over P-256 with SHA-256
        case es256 = -7
        /// Ed25519
        case edDSA = -8
        /// RSASSA-PKCS1-v1_5 with SHA-256
        case rs256 = -257
    }

    private enum Key: Sendable {
        case es256(P256.Signing.PublicKey)
        case edDSA(Curve25519.Signing.PublicKey)
        case rs256(_RSA.Signing.PublicKey)
    }

    let algorithm: Algorithm
    private let key: Key

    /// Nil for another algorithm, a parameter that does not belong to it, or a point that is not on the curve.
    init?(_ cose: CBOR) {
        guard let number = cose[3]?.integer, let algorithm = Algorithm(rawValue: number), let kind = cose[1]?.integer else {
            return nil
        }
        self.algorithm = algorithm
        do {
            switch (algorithm, kind) {
            case (.es256, 2):
                guard cose[-1]?.integer == 1, let x = cose[-2]?.bytes, let y = cose[-3]?.bytes, x.count == 32, y.count == 32
                else {
                    return nil
                }
                key = .es256(try P256.Signing.PublicKey(x963Representation: [4] + x + y))
            case (.edDSA, 1):
                guard cose[-1]?.integer == 6, let x = cose[-2]?.bytes, x.count == 32 else { return nil }
                key = .edDSA(try Curve25519.Signing.PublicKey(rawRepresentation: x))
            case (.rs256, 3):
                // 2,048 to 4,096 bits; an exponent of 65,537, which is what authenticators make.
                guard let modulus = cose[-1]?.bytes, let exponent = cose[-2]?.bytes, (256...512).contains(modulus.count),
                    modulus[0] != 0, exponent == [1, 0, 1]
                else { return nil }
                key = .rs256(try _RSA.Signing.PublicKey(n: modulus, e: exponent))
            default: return nil
            }
        } catch {
            return nil
        }
    }

    /// Whether `signature`, in WebAuthn's form (DER for ECDSA), is this key's over `message`.
    func isValid(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        switch key {
        case .es256(let key):
            guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: message)
        case .edDSA(let key): return key.isValidSignature(signature, for: message)
        case .rs256(let key):
            return key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: message, padding: .insecurePKCS1v1_5)
        }
    }
}
