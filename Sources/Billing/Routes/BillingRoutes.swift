internal import HTTPTypes
public import Hummingbird
internal import Ledger
internal import Postgres
public import Web

/// Payments, subscriptions, invoices, and Stripe's webhook. What concerns money is an owner's alone.
public struct BillingRoutes: WebRoutes {
    let billing: Billing
    let audit: Audit
    let sessions: any SessionSource
    let invoicePage: InvoicePage

    /// - Parameter sessions: Tells who sent a request.
    public init(billing: Billing, audit: Audit, sessions: any SessionSource) throws {
        self.billing = billing
        self.audit = audit
        self.sessions = sessions
        invoicePage = try InvoicePage()
    }

    public func register(on router: Router<WebContext>) {
        addWebhook(to: router)
        addPayments(to: router)
        addSubscriptions(to: router)
        addInvoices(to: router)
        addBooks(to: router)
        addAudit(to: router)
    }

    private func addWebhook(to router: Router<WebContext>) {
        router.post("/stripe/webhook") { request, _ in
            let signature = HTTPField.Name("stripe-signature").flatMap { request.headers[$0] }
            try await billing.receive(webhook: try await WebBody.bytes(of: request), signature: signature)
            return Response.json(["received": true])
        }
    }

    /// Who asks, and for which organization.
    struct Asked: Sendable {
        let caller: Caller
        let organization: OrganizationID
        /// Whether it is on the free plan.
        let isFree: Bool
    }

    /// - Parameters:
    ///   - named: The organization as the request names it. One that is not named is the only one that the person owns.
    ///   - isOwnersAlone: Whether only an owner may.
    /// - Throws: 401, 403 for a member who is no owner, 404 for an organization that is not theirs.
    func asked(
        _ request: Request, _ context: WebContext, organization named: String?, isOwnersAlone: Bool = true
    ) async throws(WebError) -> Asked {
        let caller = try await sessions.caller(request, context)
        let memberships = try await billing.rows(
            """
            SELECT m.organization, m.role, o.plan
            FROM organizations.members AS m JOIN organizations.organizations AS o USING (organization)
            WHERE m.user_id = $1 AND o.status <> 'deleted' ORDER BY o.created_at, o.organization
            """, [.uuid(caller.user.uuid)]
        ) { row in
            (
                organization: OrganizationID(uuid: try row.decode(0)),
                role: MemberRole(rawValue: try row.decode(1)) ?? .developer,
                plan: try row.decode(2, as: String.self)
            )
        }
        let candidates: [(organization: OrganizationID, role: MemberRole, plan: String)]
        if let named {
            let id = OrganizationID(named)
            candidates = memberships.filter { $0.organization == id }
        } else {
            let owned = memberships.filter { $0.role == .owner }
            guard owned.count <= 1 else {
                throw WebError.invalid("organizationId", "organizationId is required: you own \(owned.count) organizations.")
            }
            candidates = owned.isEmpty ? Array(memberships.prefix(1)) : owned
        }
        guard let found = candidates.first else { throw WebError.notFound("There is no such organization.") }
        guard !isOwnersAlone || found.role == .owner else {
            throw WebError.forbidden("The role \(found.role.rawValue) does not permit this.")
        }
        return Asked(caller: caller, organization: found.organization, isFree: found.plan == "free")
    }
}
