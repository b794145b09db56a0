internal import HTTPTypes
internal import Hummingbird
internal import Web

/// The pages that links in mails lead to where UI_URL names no others.
extension IdentityRoutes {
    /// `GET /reset-password`: where a person chooses a new password.
    func registerPages(on router: Router<WebContext>) {
        on(.get, "/reset-password", router) { request, _ in newPassword(request.parameter("token") ?? "").response() }
    }

    /// What asks whoever is not signed in for the password of the account that a link is for.
    func linkPassword(token: String, callback: String?) -> WebPage {
        WebPage(
            "Confirm your e-mail address",
            [
                "Enter the password of the account that is to use this address, or sign in and open the link again.",
                "If you made no such account, somebody else gave your address: ask for a new password, and the account is yours.",
            ],
            form: WebPage.Form(
                action: identity.configuration.basePath + "/auth/verify-email",
                hidden: [("token", token), ("callbackURL", callback ?? "")], password: "password", isNew: false,
                button: "Confirm"))
    }

    /// Whether a person's browser asks for a page, and no program.
    func wantsPage(_ request: Request) -> Bool { request.headers[.accept]?.contains("text/html") == true }

    /// Answers the form of `linkPassword`.
    func verify(_ form: WebForm, _ request: Request, _ context: WebContext) async throws -> Response {
        let callback = form["callbackURL"].isEmpty ? nil : form["callbackURL"]
        return try await answer(linkPassword(token: form["token"], callback: callback)) { () async throws(IdentityError) in
            _ = try await verify(form["token"], password: form["password"], request, context)
            let next = identity.configuration.destination(callback) ?? identity.configuration.pagesURL
            return WebPage("Confirmed", ["Your e-mail address is confirmed."], next: next)
        }
    }

    /// Answers the form of `newPassword`.
    func reset(_ form: WebForm) async throws -> Response {
        try await answer(newPassword(form["token"])) { () async throws(IdentityError) in
            guard let token = SecretToken(form["token"]) else { throw IdentityError.invalidToken }
            try await identity.resetPassword(token, to: form["newPassword"])
            return WebPage("New password", ["Your password is set, and every session has ended. Sign in with it."])
        }
    }

    private func newPassword(_ token: String) -> WebPage {
        WebPage(
            "New password", ["Choose a new password of at least 8 characters."],
            form: WebPage.Form(
                action: identity.configuration.basePath + "/auth/reset-password", hidden: [("token", token)],
                password: "newPassword", isNew: true, button: "Set the password"))
    }

    /// The page that the work ends with, or the page of the form once more with what was wrong.
    private func answer(_ page: WebPage, _ work: () async throws(IdentityError) -> WebPage) async throws -> Response {
        do throws(IdentityError) {
            return try await work().response()
        } catch {
            return page.saying(error.message).response(status: error.status)
        }
    }
}
