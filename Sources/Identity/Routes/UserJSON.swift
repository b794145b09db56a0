internal import FoundationEssentials
internal import Web

extension User {
    /// As `/auth/*` shows a person.
    var authJSON: WebValue {
        [
            "id": .id(id), "email": .string(email), "name": .string(optional: name), "image": nil,
            "emailVerified": .bool(isEmailVerified), "createdAt": .time(createdAt), "updatedAt": .time(updatedAt),
        ]
    }

    /// As `/user/*` shows a person.
    func json(isAdministrator: Bool) -> WebValue {
        [
            "id": .id(id), "email": .string(email), "name": .string(optional: name),
            "onboardingCompleted": .bool(hasCompletedOnboarding), "emailVerified": .bool(isEmailVerified),
            "isAdmin": .bool(isAdministrator),
        ]
    }
}

extension Session {
    /// Without its token, which the client has or should not have.
    func json(of user: User) -> WebValue {
        [
            "id": .id(id), "userId": .id(user.id), "createdAt": .time(createdAt), "updatedAt": .time(renewedAt),
            "expiresAt": .time(expiresAt), "ipAddress": .string(optional: address), "userAgent": .string(optional: userAgent),
        ]
    }
}

extension Passkey {
    var json: WebValue {
        [
            "id": .id(id), "name": .string(optional: name), "userId": .id(user),
            "credentialID": .string(Base64URL.encode(credentialID)), "publicKey": .string(Base64URL.encode(publicKey)),
            "counter": .integer(counter), "deviceType": .string(isMultiDevice ? "multiDevice" : "singleDevice"),
            "backedUp": .bool(isBackedUp), "transports": .string(transports.joined(separator: ",")),
            "aaguid": .string(optional: aaguid?.uuidString.lowercased()), "createdAt": .time(createdAt),
        ]
    }
}
