internal import Hummingbird
internal import Web

extension IdentityRoutes {
    /// What a person may change of their account; whatever else a body names is not looked at.
    private struct Change: Decodable, Sendable {
        let name: Field<String>
        let email: String?
    }

    private struct Rename: Decodable, Sendable {
        let name: String
    }

    func registerUser(on router: Router<WebContext>) {
        on(.get, "/user/me", router) { request, _ in
            .json(["user": shown(try await authenticated(request).person)])
        }
        on(.patch, "/user/me", router) { request, context in
            let current = try await authenticated(request)
            let body = try await WebBody.read(Change.self, from: request, upTo: WebBody.smallBytes)
            var message = "User updated successfully"
            // All of it or nothing: what can be refused comes before what changes something.
            try identity.checkName(body.name.given)
            if let email = body.email, email != current.person.email {
                try await identity.requestEmailChange(
                    of: current.person, to: email, field: "email", callback: nil, caller(request, context))
                message = "User updated; the new address holds when the link in the mail to it was opened"
            }
            if !body.name.isAbsent { try await identity.rename(current.person.id, to: body.name.given) }
            return .json(["user": try await again(current.person), "message": .string(message)])
        }
        on(.post, "/auth/update-user", router) { request, _ in
            let current = try await authenticated(request)
            try await identity.rename(
                current.person.id, to: try await WebBody.read(Rename.self, from: request, upTo: WebBody.smallBytes).name)
            return .json(["status": true])
        }
        on(.post, "/user/me/complete-onboarding", router) { request, _ in
            let current = try await authenticated(request)
            try await identity.completeOnboarding(current.person.id)
            return .json(["user": try await again(current.person), "message": "Onboarding completed successfully"])
        }
        on(.delete, "/user/me", router) { request, _ in
            let current = try await authenticated(request)
            try await identity.delete(current.person)
            return signedOut(["message": "Account deleted successfully"])
        }
    }

    private func shown(_ user: User) -> WebValue { user.json(isAdministrator: identity.isAdministrator(user)) }

    private func again(_ user: User) async throws(IdentityError) -> WebValue {
        guard let user = try await identity.user(user.id) else { throw .unauthorized }
        return shown(user)
    }
}
