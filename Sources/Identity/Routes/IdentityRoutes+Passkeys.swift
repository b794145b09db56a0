internal import HTTPTypes
internal import Hummingbird
internal import Ledger
internal import Web

extension IdentityRoutes {
    /// Bytes that a body writes as base64url.
    private struct Bytes: Decodable, Sendable {
        let bytes: [UInt8]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            guard let bytes = Base64URL.decode(try container.decode(String.self)) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "it must be base64url without padding")
            }
            self.bytes = bytes
        }
    }

    private struct Registration: Decodable, Sendable {
        struct Answer: Decodable, Sendable {
            struct Parts: Decodable, Sendable {
                let clientDataJSON: Bytes
                let attestationObject: Bytes
                let transports: [String]?
            }
            let response: Parts
        }
        let response: Answer
        let name: String?
    }

    private struct Authentication: Decodable, Sendable {
        struct Answer: Decodable, Sendable {
            struct Parts: Decodable, Sendable {
                let clientDataJSON: Bytes
                let authenticatorData: Bytes
                let signature: Bytes
                let userHandle: Bytes?
            }
            let id: Bytes
            let response: Parts
        }
        let response: Answer
    }

    private struct Deletion: Decodable, Sendable {
        let id: IDText<PasskeyKind>
    }

    private struct Renaming: Decodable, Sendable {
        let id: IDText<PasskeyKind>
        let name: String
    }

    func registerPasskeys(on router: Router<WebContext>) {
        for method in [.get, .post] as [HTTPRequest.Method] {
            on(method, "/auth/passkey/generate-register-options", router) { request, _ in
                let current = try await authenticated(request)
                return .json(try await registrationOptions(for: current.person))
            }
            on(method, "/auth/passkey/generate-authenticate-options", router) { request, context in
                .json(try await authenticationOptions(caller(request, context)))
            }
        }
        on(.post, "/auth/passkey/verify-registration", router) { request, _ in
            let current = try await authenticated(request)
            let body = try await WebBody.read(Registration.self, from: request, upTo: WebBody.smallBytes)
            let parts = body.response.response
            let passkey = try await identity.register(
                Identity.NewPasskey(
                    clientData: parts.clientDataJSON.bytes, attestation: parts.attestationObject.bytes,
                    transports: parts.transports ?? [], name: body.name.flatMap { $0.isEmpty ? nil : $0 }),
                for: current.person.id)
            return .json(passkey.json)
        }
        on(.post, "/auth/passkey/verify-authentication", router) { request, context in
            let body = try await WebBody.read(Authentication.self, from: request, upTo: WebBody.smallBytes)
            let parts = body.response.response
            let session = try await identity.signIn(
                Identity.PasskeySignature(
                    credentialID: body.response.id.bytes, clientData: parts.clientDataJSON.bytes,
                    authenticatorData: parts.authenticatorData.bytes, signature: parts.signature.bytes,
                    userHandle: parts.userHandle?.bytes), caller(request, context))
            return signedIn(
                session,
                [
                    "token": .string(session.token.secret), "session": session.session.json(of: session.person),
                    "user": session.person.authJSON,
                ])
        }
        on(.get, "/auth/passkey/list-user-passkeys", router) { request, _ in
            let current = try await authenticated(request)
            return .json(.array(try await identity.passkeys(of: current.person.id).map(\.json)))
        }
        on(.post, "/auth/passkey/delete-passkey", router) { request, _ in
            let current = try await authenticated(request)
            let id = try await WebBody.read(Deletion.self, from: request, upTo: WebBody.smallBytes).id.id
            try await remove(id, of: current.person)
            return .json(["status": true])
        }
        on(.post, "/auth/passkey/update-passkey", router) { request, _ in
            let current = try await authenticated(request)
            let body = try await WebBody.read(Renaming.self, from: request, upTo: WebBody.smallBytes)
            guard let passkey = try await identity.renamePasskey(body.id.id, of: current.person.id, to: body.name) else {
                throw Self.noPasskey
            }
            return .json(["passkey": passkey.json])
        }
        on(.delete, "/user/me/passkeys/:id", router) { request, context in
            let current = try await authenticated(request)
            // One that is not there, or is somebody else's, is none of the person's afterwards either: existing clients of
            // this API count on 200.
            if let id = PasskeyID(context.part("id")) { _ = try await identity.removePasskey(id, of: current.person.id) }
            return .json(["message": "Passkey deleted successfully"])
        }
    }

    private static let noPasskey = IdentityError(.notFound, status: 404, "There is no such passkey")

    private func remove(_ id: PasskeyID, of user: User) async throws(IdentityError) {
        guard try await identity.removePasskey(id, of: user.id) else { throw Self.noPasskey }
    }

    /// `PublicKeyCredentialCreationOptionsJSON`
    private func registrationOptions(for user: User) async throws(IdentityError) -> WebValue {
        let challenge = try await identity.issue(.passkeyRegistration, for: user.id)
        let known = try await identity.passkeys(of: user.id)
        let party = identity.relyingParty
        return [
            "challenge": .string(challenge.secret),
            "rp": ["id": .string(party.id), "name": .string(identity.configuration.passkeyName)],
            "user": [
                "id": .string(Base64URL.encode(Identity.handle(of: user.id))), "name": .string(user.email),
                "displayName": .string(user.name ?? user.email),
            ],
            "pubKeyCredParams": .array(
                CredentialKey.Algorithm.allCases.map { ["type": "public-key", "alg": .integer($0.rawValue)] }),
            "timeout": 300_000,
            "attestation": "none",
            "excludeCredentials": .array(
                known.map { passkey in
                    [
                        "type": "public-key", "id": .string(Base64URL.encode(passkey.credentialID)),
                        "transports": .array(passkey.transports.map { .string($0) }),
                    ]
                }),
            // A passkey that the authenticator itself lists needs no e-mail address first, which could be probed.
            "authenticatorSelection": [
                "residentKey": "required", "requireResidentKey": true, "userVerification": .string(userVerification),
            ],
            "extensions": ["credProps": true],
        ]
    }

    /// `PublicKeyCredentialRequestOptionsJSON`. It names no credential, so that it says nothing about anybody.
    private func authenticationOptions(_ caller: Caller) async throws(IdentityError) -> WebValue {
        try await identity.countChallenge(caller)
        let challenge = try await identity.issue(.passkeySignIn, for: nil)
        return [
            "challenge": .string(challenge.secret), "rpId": .string(identity.relyingParty.id), "timeout": 300_000,
            "allowCredentials": [], "userVerification": .string(userVerification),
        ]
    }

    private var userVerification: String { identity.configuration.requiresUserVerification ? "required" : "preferred" }
}
