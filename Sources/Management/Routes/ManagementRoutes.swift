internal import HTTPTypes
public import Hummingbird
public import Ledger
public import Web

/// The management API: organizations, projects, API keys with their rules, members, and who changed what.
public struct ManagementRoutes: WebRoutes {
    let management: Management
    let sessions: any SessionSource
    let providerKeys: ProviderKeyAccess
    let mayInvite: @Sendable (UserID, OrganizationID) async throws(WebError) -> Void
    let invited: @Sendable (Invitation) -> Void

    /// What somebody who was invited is to be told.
    public struct Invitation: Sendable, Hashable {
        public let email: String
        public let role: MemberRole
        /// `inv_…` and `org_…`, by which it is accepted.
        public let id: String
        public let organization: String
    }

    /// - Parameters:
    ///   - sessions: Tells who sent a request.
    ///   - mayInvite: Called before a person invites somebody, whom a mail will reach; throwing refuses it.
    ///   - invited: Called when somebody was invited; it must not wait for the mail to go out.
    public init(
        management: Management, sessions: any SessionSource, providerKeys: ProviderKeyAccess,
        mayInvite: @escaping @Sendable (UserID, OrganizationID) async throws(WebError) -> Void = { (_, _) throws(WebError) in },
        invited: @escaping @Sendable (Invitation) -> Void = { _ in }
    ) {
        self.management = management
        self.sessions = sessions
        self.providerKeys = providerKeys
        self.mayInvite = mayInvite
        self.invited = invited
    }

    public func register(on router: Router<WebContext>) {
        addOrganizations(to: router)
        addProjects(to: router)
        addKeys(to: router)
        addRules(to: router)
        addMemberRules(to: router)
        addTransactions(to: router)
        addChats(to: router)
        addPlayground(to: router)
        addAdministration(to: router)
        addProviderKeys(to: router)
        addMembers(to: router)
        addAudit(to: router)
        addLogs(to: router)
        addActivity(to: router)
    }

    /// Who asks; 401 when nobody is signed in.
    func caller(_ request: Request, _ context: WebContext) async throws(WebError) -> Caller {
        try await sessions.caller(request, context)
    }

    /// An identifier of the path. One that is malformed names nothing, as one that does not exist.
    func id<Kind: IdentifierKind>(
        _ name: String, of context: WebContext, as kind: Kind.Type = Kind.self,
        else error: WebError = .notFound("There is nothing of this name.")
    ) throws(WebError) -> Identifier<Kind> {
        guard let id = Identifier<Kind>(context.part(name)) else { throw error }
        return id
    }
}
