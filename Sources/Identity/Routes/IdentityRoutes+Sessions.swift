internal import Hummingbird
internal import Web

extension IdentityRoutes {
    private struct SignUp: Decodable, Sendable {
        let email: String
        let password: String
        let name: String?
        let callbackURL: String?
        let rememberMe: Bool?
    }

    private struct SignIn: Decodable, Sendable {
        let email: String
        let password: String
        let callbackURL: String?
        let rememberMe: Bool?
    }

    private struct ChangePassword: Decodable, Sendable {
        let currentPassword: String
        let newPassword: String
    }

    func registerSessions(on router: Router<WebContext>) {
        on(.get, "/auth/ok", router) { _, _ in .json(["ok": true]) }
        on(.post, "/auth/sign-up/email", router) { request, context in
            let body = try await WebBody.read(SignUp.self, from: request, upTo: WebBody.smallBytes)
            let name = body.name.flatMap { $0.isEmpty ? nil : $0 }
            let (user, session) = try await identity.signUp(
                email: body.email, password: body.password, name: name, callback: body.callbackURL, caller(request, context))
            guard let session else { return .json(["token": nil, "user": user.authJSON]) }
            return signedIn(
                session, ["token": .string(session.token.secret), "user": user.authJSON], isRemembered: body.rememberMe ?? true)
        }
        on(.post, "/auth/sign-in/email", router) { request, context in
            let body = try await WebBody.read(SignIn.self, from: request, upTo: WebBody.smallBytes)
            let session = try await identity.signIn(
                email: body.email, password: body.password, callback: body.callbackURL, caller(request, context))
            return signedIn(
                session,
                [
                    "redirect": .bool(body.callbackURL != nil), "token": .string(session.token.secret),
                    "url": .string(optional: identity.configuration.destination(body.callbackURL)),
                    "user": session.person.authJSON,
                ], isRemembered: body.rememberMe ?? true)
        }
        on(.post, "/auth/sign-out", router) { request, _ in
            if let token = SessionCookie.token(of: request) { try await identity.endSession(token) }
            return signedOut(["success": true])
        }
        on(.get, "/auth/get-session", router) { request, _ in
            guard let token = SessionCookie.token(of: request), let found = try await identity.session(token) else {
                return .json(nil)
            }
            return .json(["session": found.session.json(of: found.person), "user": found.person.authJSON])
        }
        on(.get, "/auth/list-sessions", router) { request, _ in
            let current = try await authenticated(request)
            return .json(.array(try await identity.sessions(of: current.person.id).map { $0.json(of: current.person) }))
        }
        on(.post, "/auth/revoke-other-sessions", router) { request, _ in
            let current = try await authenticated(request)
            try await identity.endSessions(of: current.person.id, except: current.session.id)
            return .json(["status": true])
        }
        on(.post, "/auth/revoke-sessions", router) { request, _ in
            let current = try await authenticated(request)
            try await identity.endSessions(of: current.person.id)
            return signedOut(["status": true])
        }
        on(.post, "/auth/change-password", router) { request, context in
            let session = try await changePassword(request, context)
            return signedIn(session, ["token": .string(session.token.secret), "user": session.person.authJSON])
        }
        on(.put, "/user/password", router) { request, context in
            signedIn(try await changePassword(request, context), ["message": "Password updated successfully"])
        }
    }

    private func changePassword(_ request: Request, _ context: WebContext) async throws -> NewSession {
        let current = try await authenticated(request)
        let body = try await WebBody.read(ChangePassword.self, from: request, upTo: WebBody.smallBytes)
        return try await identity.changePassword(
            of: current.person, from: body.currentPassword, to: body.newPassword, caller(request, context))
    }
}
