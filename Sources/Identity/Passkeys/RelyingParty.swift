internal import Crypto
internal import JSON

/// The checks of WebAuthn (level 2, sections 7.1 and 7.2) that need neither a clock nor a database.
struct RelyingParty: Sendable {
    /// The domain that passkeys are bound to.
    let id: String
    let origins: Set<String>
    let requiresUserVerification: Bool

    /// Why a passkey's answer is refused.
    struct Refusal: Error, Sendable, Hashable {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// A passkey that was just made.
    struct Registration: Sendable {
        let challenge: SecretToken
        let credential: AuthenticatorData.Attested
        let data: AuthenticatorData
    }

    /// A passkey's signature that still has to be compared with its key.
    struct Assertion: Sendable {
        let challenge: SecretToken
        let data: AuthenticatorData
        /// What was signed.
        let message: [UInt8]
        let signature: [UInt8]
    }

    func registration(clientData: [UInt8], attestation: [UInt8]) throws(Refusal) -> Registration {
        let challenge = try challenge(clientData, kind: "webauthn.create")
        guard let object = try? CBORReader.read(attestation), let bytes = object["authData"]?.bytes, object["fmt"]?.text != nil
        else {
            throw Refusal("the attestation object is malformed")
        }
        // No attestation was asked for: whoever made the authenticator is not what is trusted here.
        let data = try authenticatorData(bytes)
        guard let credential = data.attested else { throw Refusal("there is no credential in the answer") }
        guard CredentialKey(credential.key) != nil else { throw Refusal("the key is of no supported algorithm") }
        return Registration(challenge: challenge, credential: credential, data: data)
    }

    func assertion(clientData: [UInt8], authenticatorData bytes: [UInt8], signature: [UInt8]) throws(Refusal) -> Assertion {
        let challenge = try challenge(clientData, kind: "webauthn.get")
        let data = try authenticatorData(bytes)
        return Assertion(
            challenge: challenge, data: data, message: bytes + Array(SHA256.hash(data: clientData)), signature: signature)
    }

    /// Checks what the browser says it did, and takes the challenge from it.
    private func challenge(_ bytes: [UInt8], kind: String) throws(Refusal) -> SecretToken {
        guard let data = try? JSONValue(bytes, maximumDepth: 8) else { throw Refusal("the client data is malformed") }
        guard data["type"]?.text == kind else { throw Refusal("the client data is of another kind") }
        guard let origin = data["origin"]?.text, origins.contains(origin.lowercased()) else {
            throw Refusal("the answer comes from another origin")
        }
        guard data["crossOrigin"]?.flag != true, data["topOrigin"] == nil else { throw Refusal("the answer comes from a frame") }
        guard let text = data["challenge"]?.text, let challenge = SecretToken(text) else {
            throw Refusal("the challenge is none")
        }
        return challenge
    }

    private func authenticatorData(_ bytes: [UInt8]) throws(Refusal) -> AuthenticatorData {
        guard let data = AuthenticatorData(bytes) else { throw Refusal("the authenticator data is malformed") }
        guard ConstantTime.equal(data.relyingPartyDigest, Array(SHA256.hash(data: Array(id.utf8)))) else {
            throw Refusal("the passkey belongs to another site")
        }
        guard data.isUserPresent else { throw Refusal("nobody was present") }
        guard data.isUserVerified || !requiresUserVerification else { throw Refusal("the person was not verified") }
        return data
    }
}
