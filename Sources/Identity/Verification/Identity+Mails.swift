internal import JSON
internal import Ledger
internal import Logging
internal import Mail
internal import Web

/// What people are told by mail. No name and no text of a person's own stands in it.
struct Letter: Sendable {
    let email: String
    let subject: String
    let text: String

    static func accountExists(email: String, pagesURL: String) -> Letter {
        Letter(
            email: email, subject: "You already have an account",
            text: """
                Somebody tried to make an account with this address, which has one already.

                If it was you, sign in at \(pagesURL), or ask there for a new password.
                If it was not, there is nothing to do.

                """)
    }

    static func verification(email: String, link: String) -> Letter {
        Letter(
            email: email, subject: "Confirm your e-mail address",
            text: """
                Confirm that this is your address by opening this link within 24 hours, where you are signed in or with the
                password of your account:

                \(link)

                If you did not make an account, there is nothing to do: without its password the link does nothing.

                """)
    }

    static func emailChange(email: String, link: String) -> Letter {
        Letter(
            email: email, subject: "Confirm your new e-mail address",
            text: """
                Confirm that your account is to use this address by opening this link within 24 hours, where you are signed in
                or with the password of your account:

                \(link)

                If you did not ask for it, there is nothing to do: without the account's password the link does nothing.

                """)
    }

    static func emailChanged(email: String) -> Letter {
        Letter(
            email: email, subject: "Your e-mail address was changed",
            text: "Your account uses another e-mail address from now on. If this was not you, write to your administrator.\n")
    }

    static func passwordReset(email: String, link: String) -> Letter {
        Letter(
            email: email, subject: "Choose a new password",
            text: """
                Choose a new password by opening this link within an hour:

                \(link)

                If you did not ask for it, there is nothing to do: your password stays.

                """)
    }

    static func providerLinked(email: String, provider: String) -> Letter {
        Letter(
            email: email, subject: "A sign-in was linked to your account",
            text: "You can sign in by \(provider) from now on. If this was not you, write to your administrator.\n")
    }

    static func passkeyAdded(email: String) -> Letter {
        Letter(
            email: email, subject: "A passkey was added to your account",
            text: """
                You can sign in with another passkey from now on.

                If this was not you, remove it, end every session and choose a new password.

                """)
    }

    static func invited(email: String, organization: String, role: String, invitation: String, pagesURL: String) -> Letter {
        Letter(
            email: email, subject: "You are invited to an organization",
            text: """
                Somebody invited this address to an organization, with the role \(role).

                Sign in at \(pagesURL) with an account of this address, or make one there, and accept the invitation
                \(invitation) of \(organization) within 7 days.

                If you do not know what this is about, there is nothing to do.

                """)
    }

    /// - Parameter passkeys: How many passkeys still sign in, where that is not plain to whoever changed it.
    static func passwordChanged(email: String, passkeys: Int64 = 0) -> Letter {
        let count = passkeys == 1 ? "1 passkey still signs in" : "\(passkeys) passkeys still sign in"
        let kept = passkeys == 0 ? "" : "\n\(count) to your account, as before. Remove what is not yours.\n"
        return Letter(
            email: email, subject: "Your password was changed",
            text: "The password of your account was changed. If this was not you, ask for a new password at once.\n" + kept)
    }
}

extension Identity {
    func mail(_ letter: Letter) {
        guard let mail = Mail(to: letter.email, subject: letter.subject, text: letter.text) else {
            logger.error("a mail was not sent: its address can't stand in one")
            return
        }
        mailer.send(mail)
    }

    /// Tells somebody, who may have no account yet, of an invitation, behind the answer. A mailbox that has had as many mails as
    /// it may have is told nothing: the invitation is there all the same.
    ///
    /// - Parameters:
    ///   - organization: Its id; its name is a person's own text, and does not stand in a mail.
    ///   - invitation: Its id.
    public func tell(invitedTo organization: String, as role: String, by invitation: String, email: String) {
        background.run("mail an invitation") {
            guard try await mayMail(.invitation, email) else { return }
            mail(
                .invited(
                    email: email, organization: organization, role: role, invitation: invitation,
                    pagesURL: configuration.pagesURL))
        }
    }

    /// Sends the link that confirms a mailbox, behind the answer.
    func sendVerification(of person: User, callback: String?) {
        background.run("mail a verification") { try await mailVerification(of: person, callback: callback) }
    }

    /// Sends it again to somebody who tries to sign in without, behind the answer.
    func repeatVerification(of person: User, callback: String?) {
        background.run("mail a verification") {
            guard try await mayMail(.verification, person.email) else { return }
            try await mailVerification(of: person, callback: callback)
        }
    }

    func mailVerification(of person: User, callback: String?) async throws(IdentityError) {
        let token = try await issue(.emailVerification, for: person.id, details: .members([("email", .string(person.email))]))
        mail(.verification(email: person.email, link: link("/auth/verify-email", token, callback: callback)))
    }

    /// A link of this server with a token, and where it leads after.
    func link(_ path: String, _ token: SecretToken, callback: String?) -> String {
        let end = configuration.destination(callback).map { "&callbackURL=" + PercentEncoding.encode($0) } ?? ""
        return "\(configuration.baseURL)\(path)?token=\(token.secret)\(end)"
    }
}
