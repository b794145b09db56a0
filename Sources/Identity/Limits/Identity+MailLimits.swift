public import Ledger
internal import Logging
public import Web

extension Identity {
    /// What a mailbox is mailed because of others, each counted by itself: who has caused as many of one kind as there may be
    /// keeps none of another from its person.
    enum MailKind: String, Sendable {
        case verification
        case emailChange = "email change"
        case passwordReset = "password reset"
        case invitation
    }

    /// Counts a mail that a client asks for.
    func countMail(_ email: String, _ caller: Caller) async throws(IdentityError) {
        try checkEmail(email)
        try await count(Attempt("mail address", configuration.limits.mailOfAddress, address: caller.address))
    }

    func mailAttempt(_ kind: MailKind, _ email: String) -> Attempt {
        let limits = configuration.limits
        return Attempt(
            "mail account \(kind.rawValue)", kind == .emailChange ? limits.emailChangeOfAccountAnywhere : limits.mailOfAccount,
            account: email)
    }

    /// Counts an invitation, before there is one.
    ///
    /// - Throws: 429 after too many of the person, or of the organization.
    public func countInvitation(by person: UserID, to organization: String) async throws(WebError) {
        do throws(IdentityError) {
            try await count(
                Attempt("invitation person", configuration.limits.invitationOfPerson, account: person.description),
                Attempt("invitation organization", configuration.limits.invitationOfOrganization, account: organization))
        } catch {
            throw WebError(error)
        }
    }

    /// Counts a mail of which whoever caused it hears nothing: they have the same answer whether it goes out, because how many
    /// others had sent to the mailbox is not theirs to know. One that does not go out is one too many of those that lie there.
    ///
    /// - Returns: Whether the mailbox may have it.
    func mayMail(_ kind: MailKind, _ email: String) async throws(IdentityError) -> Bool {
        do throws(IdentityError) {
            try await count(mailAttempt(kind, email))
            return true
        } catch {
            guard error.code == .tooManyRequests else { throw error }
            logger.info(
                "a mail was not sent: its mailbox has had as many as it may have for now", metadata: ["kind": "\(kind.rawValue)"])
            return false
        }
    }
}
