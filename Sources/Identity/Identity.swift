public import HTTPTransport
public import Logging
public import Mail
public import Postgres

/// The people beside the ledger: accounts, passwords, sessions, and how they prove who they are.
///
/// It knows nothing of organizations. Whoever composes the process gives it hooks for what must happen elsewhere when a
/// person comes or goes.
public struct Identity: Sendable {
    /// What others do when a person comes or goes.
    public struct Hooks: Sendable {
        /// Called after an account was made, with who sent the person, as they say. What it throws is logged; the account stays.
        public var signedUp: @Sendable (User, _ referral: String?) async throws -> Void = { _, _ in }
        /// Called before an account whose mailbox was not confirmed goes to whoever reads the mailbox, when nobody is in it any
        /// more; throwing keeps it from them. May be called again for the same account.
        public var beforeHandOver: @Sendable (User) async throws(IdentityError) -> Void = { (_) throws(IdentityError) in }
        /// Called before an account is deleted; throwing keeps it.
        public var beforeDeletion: @Sendable (User) async throws(IdentityError) -> Void = { (_) throws(IdentityError) in }

        public init() {}
    }

    public let configuration: IdentityConfiguration
    let postgres: PostgresClient
    let mailer: Mailer
    let hasher: PasswordHasher
    let background: BackgroundWork
    let providers: ProviderClient
    let hooks: Hooks
    let logger: Logger
    let handOverPlaces = HandOverPlaces()

    /// - Parameters:
    ///   - postgres: the service's role.
    ///   - mailer: where mails go.
    ///   - transport: what identity providers are asked through.
    public init(
        configuration: IdentityConfiguration, postgres: PostgresClient, mailer: Mailer, transport: HTTPTransport,
        hooks: Hooks = Hooks(), logger: Logger
    ) {
        self.configuration = configuration
        self.postgres = postgres
        self.mailer = mailer
        self.hooks = hooks
        self.logger = logger
        hasher = PasswordHasher(lanes: 1, maximumWaiting: 64)
        providers = ProviderClient(transport: transport, minimumAge: configuration.minimumAgeOfKeys)
        background = BackgroundWork(maximum: 256, logger: logger)
    }

    /// Returns when what goes on behind answers that were given has ended, mails included.
    public func drain() async {
        await background.drain()
        await mailer.drain()
    }

    /// Runs a call to the database; what goes wrong there is logged and answered as `unavailable`.
    @discardableResult
    func database<R: Sendable>(_ body: () async throws -> R) async throws(IdentityError) -> R {
        do {
            return try await body()
        } catch let error as IdentityError {
            throw error
        } catch {
            logger.warning("people could not be read or written", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }
}
