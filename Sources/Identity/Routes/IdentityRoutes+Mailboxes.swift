internal import Hummingbird
internal import Ledger
internal import Web

extension IdentityRoutes {
    private struct SendVerification: Decodable, Sendable {
        let email: String
        let callbackURL: String?
    }

    private struct Verification: Decodable, Sendable {
        let token: String
        let password: String?
    }

    private struct ForgetPassword: Decodable, Sendable {
        let email: String
        let redirectTo: String?
    }

    private struct ResetPassword: Decodable, Sendable {
        let newPassword: String
        let token: String?
    }

    private struct ChangeEmail: Decodable, Sendable {
        let newEmail: String
        let callbackURL: String?
    }

    func registerMailboxes(on router: Router<WebContext>) {
        on(.post, "/auth/send-verification-email", router) { request, context in
            let body = try await WebBody.read(SendVerification.self, from: request, upTo: WebBody.smallBytes)
            try await identity.requestVerification(email: body.email, callback: body.callbackURL, caller(request, context))
            return .json(["status": true])
        }
        on(.get, "/auth/verify-email", router) { request, context in
            guard !context.isHead else { return .wrongMethod(allow: "GET, POST") }
            let callback = request.parameter("callbackURL")
            let destination = identity.configuration.destination(callback)
            let token = request.parameter("token") ?? ""
            do {
                let user = try await verify(token, password: nil, request, context)
                return destination.map { redirect($0) } ?? .json(["status": true, "user": user.authJSON])
            } catch let error as IdentityError {
                if error == .othersLink, wantsPage(request) {
                    return linkPassword(token: token, callback: callback).response(status: error.status)
                }
                guard let destination, error.status < 500 else { throw error }
                return redirect(Self.adding(error, to: destination))
            }
        }
        on(.post, "/auth/verify-email", router) { request, context in
            if let form = try await WebForm(request) { return try await verify(form, request, context) }
            let body = try await WebBody.read(Verification.self, from: request, upTo: WebBody.smallBytes)
            let user = try await verify(body.token, password: body.password, request, context)
            return .json(["status": true, "user": user.authJSON])
        }
        for path in ["/auth/forget-password", "/auth/request-password-reset"] as [RouterPath] {
            on(.post, path, router) { request, context in
                let body = try await WebBody.read(ForgetPassword.self, from: request, upTo: WebBody.smallBytes)
                try await identity.requestPasswordReset(
                    email: body.email, redirect: body.redirectTo, caller(request, context))
                return .json([
                    "status": true, "message": "If there is an account with this address, a mail is on its way to it",
                ])
            }
        }
        on(.post, "/auth/reset-password", router) { request, _ in
            if let form = try await WebForm(request) { return try await reset(form) }
            let body = try await WebBody.read(ResetPassword.self, from: request, upTo: WebBody.smallBytes)
            let text = body.token ?? request.uri.queryParameters["token"].map(String.init) ?? ""
            guard let token = SecretToken(text) else { throw IdentityError.invalidToken }
            try await identity.resetPassword(token, to: body.newPassword)
            return .json(["status": true])
        }
        on(.post, "/auth/change-email", router) { request, context in
            let current = try await authenticated(request)
            let body = try await WebBody.read(ChangeEmail.self, from: request, upTo: WebBody.smallBytes)
            try await identity.requestEmailChange(
                of: current.person, to: body.newEmail, callback: body.callbackURL, caller(request, context))
            return .json(["status": true, "message": "Open the link in the mail to the new address"])
        }
    }

    func verify(
        _ text: String, password: String?, _ request: Request, _ context: WebContext
    ) async throws(IdentityError) -> User {
        guard let token = SecretToken(text) else { throw .invalidToken }
        var person: UserID?
        if let session = SessionCookie.token(of: request) { person = try await identity.session(session)?.person.id }
        return try await identity.verify(token, signedIn: person, password: password, caller(request, context))
    }

    /// A page of ours with what went wrong.
    static func adding(_ error: IdentityError, to destination: String) -> String {
        destination + (destination.contains("?") ? "&" : "?") + "error=" + PercentEncoding.encode(error.code.rawValue)
    }
}
