import Crypto
import CryptoExtras
import Foundation

@testable import Identity

/// An authenticator and a browser in one, with the mistakes that a test asks for.
struct SoftAuthenticator {
    enum Key {
        case es256(P256.Signing.PrivateKey)
        case edDSA(Curve25519.Signing.PrivateKey)
        case rs256(_RSA.Signing.PrivateKey)

        static func make(_ algorithm: CredentialKey.Algorithm) throws -> Key {
            switch algorithm {
            case .es256: .es256(P256.Signing.PrivateKey())
            case .edDSA: .edDSA(Curve25519.Signing.PrivateKey())
            case .rs256: .rs256(try _RSA.Signing.PrivateKey(keySize: .bits2048))
            }
        }
    }

    var key: Key
    var credentialID = SecretToken.random(32)
    var relyingParty = "app.example.org"
    var origin = "https://app.example.org"
    var flags: UInt8 = 0x05
    var counter: UInt32 = 1
    var kind: (create: String, get: String) = ("webauthn.create", "webauthn.get")
    var extraClientData = ""

    init(_ algorithm: CredentialKey.Algorithm = .es256) throws { key = try Key.make(algorithm) }

    func clientData(_ kind: String, _ challenge: String) -> [UInt8] {
        Array(#"{"type":"\#(kind)","challenge":"\#(challenge)","origin":"\#(origin)"\#(extraClientData)}"#.utf8)
    }

    func data(flags: UInt8) -> [UInt8] {
        Array(SHA256.hash(data: Data(relyingParty.utf8))) + [flags]
            + (0..<4).map { UInt8(truncatingIfNeeded: counter >> (24 - 8 * $0)) }
    }

    /// The public key in COSE, written by hand.
    func cose() throws -> [UInt8] {
        func bytes(_ data: some Sequence<UInt8>) -> [UInt8] {
            let data = Array(data)
            return (data.count < 256 ? [0x58, UInt8(data.count)] : [0x59, UInt8(data.count >> 8), UInt8(data.count & 255)]) + data
        }
        switch key {
        case .es256(let key):
            let point = key.publicKey.rawRepresentation
            return [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21] + bytes(point.prefix(32)) + [0x22] + bytes(point.suffix(32))
        case .edDSA(let key):
            return [0xA4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21] + bytes(key.publicKey.rawRepresentation)
        case .rs256(let key):
            let modulus = try key.publicKey.getKeyPrimitives().modulus
            return [0xA4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20] + bytes(modulus) + [0x21, 0x43, 1, 0, 1]
        }
    }

    func create(_ challenge: SecretToken) throws -> Identity.NewPasskey {
        let attested = [UInt8](repeating: 7, count: 16) + [0, UInt8(credentialID.count)] + credentialID + (try cose())
        let authData = data(flags: flags | 0x40) + attested
        let attestation =
            [0xA3, 0x63] + Array("fmt".utf8) + [0x64] + Array("none".utf8) + [0x67] + Array("attStmt".utf8) + [0xA0, 0x68]
            + Array("authData".utf8) + [0x59, UInt8(authData.count >> 8), UInt8(authData.count & 255)] + authData
        return Identity.NewPasskey(
            clientData: clientData(kind.create, challenge.secret), attestation: attestation, transports: ["usb", "<script>"],
            name: "Key")
    }

    func get(_ challenge: SecretToken) throws -> Identity.PasskeySignature {
        let clientData = clientData(kind.get, challenge.secret)
        let authenticatorData = data(flags: flags)
        let message = authenticatorData + Array(SHA256.hash(data: clientData))
        let signature: [UInt8] =
            switch key {
            case .es256(let key): Array(try key.signature(for: message).derRepresentation)
            case .edDSA(let key): Array(try key.signature(for: message))
            case .rs256(let key): Array(try key.signature(for: message, padding: .insecurePKCS1v1_5).rawRepresentation)
            }
        return Identity.PasskeySignature(
            credentialID: credentialID, clientData: clientData, authenticatorData: authenticatorData, signature: signature,
            userHandle: nil)
    }
}
