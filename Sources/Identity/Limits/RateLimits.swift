/// How often something may be tried within a window.
public struct RateLimit: Sendable, Hashable {
    public var attempts: Int
    public var window: Duration

    public init(_ attempts: Int, in window: Duration) {
        self.attempts = attempts
        self.window = window
    }
}

/// The limits of what can be tried without being signed in, and of what reaches people who are not.
public struct RateLimits: Sendable {
    /// Accounts that one address makes.
    public var signUpOfAddress = RateLimit(10, in: .seconds(3600))
    /// Sign-ups with one mailbox.
    public var signUpOfAccount = RateLimit(5, in: .seconds(3600))
    /// Sign-ins from one address.
    public var signInOfAddress = RateLimit(60, in: .seconds(600))
    /// Sign-ins with one mailbox from one address that fail; a success begins anew.
    public var signInOfAccount = RateLimit(10, in: .seconds(600))
    /// The same from anywhere: so many that it takes more than a few addresses to keep a person out.
    public var signInOfAccountAnywhere = RateLimit(100, in: .seconds(600))
    /// Mails asked for from one address.
    public var mailOfAddress = RateLimit(20, in: .seconds(3600))
    /// Mails of one kind to one mailbox; of changes to it, those that one person asks for.
    public var mailOfAccount = RateLimit(5, in: .seconds(3600))
    /// Mails of changes to one mailbox by anybody: so many that it takes more than a few accounts to keep its person from it.
    public var emailChangeOfAccountAnywhere = RateLimit(30, in: .seconds(3600))
    /// Invitations that one person makes. The addresses are strangers', and may be others' each time.
    public var invitationOfPerson = RateLimit(20, in: .seconds(3600))
    /// Invitations to one organization.
    public var invitationOfOrganization = RateLimit(40, in: .seconds(3600))
    /// Reports of installations from one address.
    public var beaconOfAddress = RateLimit(20, in: .seconds(3600))

    public init() {}
}
