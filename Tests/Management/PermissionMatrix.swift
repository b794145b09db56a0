import HTTPTypes

/// Who asks.
enum Who: String, CaseIterable, Sendable {
    case owner, admin, developer
    /// Somebody who belongs to no organization.
    case outsider
    /// The owner of another organization.
    case other
    /// Nobody is signed in.
    case none
}

/// What each role may do: the table that the API is held to.
///
/// The paths are of one organization, `{org}`, with a `{project}`, a key that its owner made with a `{rule}` (`{ownerKey}`), one
/// that its developer made (`{developerKey}`), a further developer (`{member}`), its `{owner}`, an `{invite}` and a
/// `{providerKey}`; `{chat}` is its owner's; `{memberRule}` is the further developer's; `{request}` is one with its owner's key.
enum PermissionMatrix {
    struct Row: Sendable {
        let method: HTTPRequest.Method
        let path: String
        let body: String?
        /// Status by who asks, in the order of `Who`.
        let expected: [Int]

        init(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, _ expected: Int...) {
            self.method = method
            self.path = path
            self.body = body
            self.expected = expected
        }
    }

    private static let newKey = #"{"description":"k","projectId":"{project}","usageLimit":"1"}"#
    private static let newRule = #"{"ruleType":"deny_models","ruleValue":{"models":["m"]}}"#

    private static let newProviderKey = #"{"provider":"openai","token":"sk-test","organizationId":"{org}"}"#
    private static let newOrder =
        #"{"organizationId":"{org}","provider":"openai","providerKeyIds":["{providerKey}"]}"#

    private static let ofOrganization = #"{"organizationId":"{org}"}"#
    private static let cardOfOrganization = #"{"paymentMethodId":"pm_1","organizationId":"{org}"}"#
    private static let purchase = #"{"amount":10,"organizationId":"{org}"}"#
    private static let purchaseByCard = #"{"amount":10,"paymentMethodId":"pm_1","organizationId":"{org}"}"#

    static let rows: [Row] = [
        //                                                              owner admin developer outsider other none
        Row(.get, "/orgs", nil, 200, 200, 200, 200, 200, 401),
        Row(.post, "/orgs", #"{"name":"n"}"#, 200, 200, 200, 200, 200, 401),
        Row(.get, "/orgs/{org}", nil, 200, 200, 200, 404, 404, 401),
        Row(.patch, "/orgs/{org}", #"{"name":"n"}"#, 200, 200, 403, 404, 404, 401),
        Row(.patch, "/orgs/{org}", #"{"billingEmail":"a@b.test"}"#, 200, 403, 403, 404, 404, 401),
        Row(.patch, "/orgs/{org}", #"{"retentionLevel":"none"}"#, 200, 403, 403, 404, 404, 401),
        Row(.delete, "/orgs/{org}", nil, 200, 403, 403, 404, 404, 401),
        Row(.get, "/orgs/{org}/projects", nil, 200, 200, 200, 403, 403, 401),
        Row(.get, "/orgs/{org}/transactions", nil, 200, 200, 200, 403, 403, 401),
        Row(.get, "/orgs/{org}/referral-stats", nil, 200, 200, 200, 403, 403, 401),
        Row(.get, "/orgs/{org}/audit", nil, 200, 200, 403, 403, 403, 401),
        Row(.post, "/projects", #"{"name":"p","organizationId":"{org}"}"#, 201, 201, 403, 403, 403, 401),
        Row(.get, "/projects/{project}", nil, 200, 200, 200, 404, 404, 401),
        Row(.patch, "/projects/{project}", #"{"cachingEnabled":true}"#, 200, 200, 403, 404, 404, 401),
        Row(.delete, "/projects/{project}", nil, 200, 403, 403, 404, 404, 401),
        Row(.post, "/keys/api", newKey, 200, 200, 200, 403, 403, 401),
        Row(.get, "/keys/api", nil, 200, 200, 200, 200, 200, 401),
        Row(.get, "/keys/api?projectId={project}", nil, 200, 200, 200, 403, 403, 401),
        Row(.patch, "/keys/api/{ownerKey}", #"{"status":"inactive"}"#, 200, 200, 403, 404, 404, 401),
        Row(.patch, "/keys/api/{developerKey}", #"{"status":"inactive"}"#, 200, 200, 200, 404, 404, 401),
        Row(.patch, "/keys/api/limit/{ownerKey}", #"{"usageLimit":"2"}"#, 200, 200, 403, 404, 404, 401),
        Row(.patch, "/keys/api/limit/{developerKey}", #"{"usageLimit":"2"}"#, 200, 200, 200, 404, 404, 401),
        Row(.post, "/keys/api/{ownerKey}/roll", nil, 200, 200, 403, 404, 404, 401),
        Row(.post, "/keys/api/{developerKey}/roll", nil, 200, 200, 200, 404, 404, 401),
        Row(.delete, "/keys/api/{ownerKey}", nil, 200, 200, 403, 404, 404, 401),
        Row(.delete, "/keys/api/{developerKey}", nil, 200, 200, 200, 404, 404, 401),
        Row(.get, "/keys/api/{ownerKey}/iam", nil, 200, 200, 200, 404, 404, 401),
        Row(.post, "/keys/api/{ownerKey}/iam", newRule, 200, 200, 403, 404, 404, 401),
        Row(.post, "/keys/api/{developerKey}/iam", newRule, 200, 200, 200, 404, 404, 401),
        Row(.patch, "/keys/api/{ownerKey}/iam/{rule}", #"{"status":"inactive"}"#, 200, 200, 403, 404, 404, 401),
        Row(.delete, "/keys/api/{ownerKey}/iam/{rule}", nil, 200, 200, 403, 404, 404, 401),
        // A rule is no rule of another key.
        Row(.patch, "/keys/api/{developerKey}/iam/{rule}", #"{"status":"inactive"}"#, 404, 404, 404, 404, 404, 401),
        Row(.delete, "/keys/api/{developerKey}/iam/{rule}", nil, 404, 404, 404, 404, 404, 401),
        Row(.post, "/keys/provider", newProviderKey, 200, 200, 403, 403, 403, 401),
        Row(.get, "/keys/provider", nil, 200, 200, 200, 200, 200, 401),
        Row(.get, "/keys/provider?organizationId={org}", nil, 200, 200, 200, 403, 403, 401),
        Row(.put, "/keys/provider/order", newOrder, 200, 200, 403, 403, 403, 401),
        Row(.patch, "/keys/provider/{providerKey}", #"{"status":"inactive"}"#, 200, 200, 403, 404, 404, 401),
        Row(.delete, "/keys/provider/{providerKey}", nil, 200, 200, 403, 404, 404, 401),
        Row(.get, "/team/{org}/members/{member}/iam", nil, 200, 200, 403, 403, 403, 401),
        Row(.get, "/team/{org}/members/{owner}/iam", nil, 200, 200, 403, 403, 403, 401),
        Row(.get, "/team/{org}/members/me/iam", nil, 200, 200, 200, 403, 403, 401),
        Row(.post, "/team/{org}/members/{member}/iam", newRule, 200, 200, 403, 403, 403, 401),
        Row(.post, "/team/{org}/members/{owner}/iam", newRule, 200, 403, 403, 403, 403, 401),
        Row(.post, "/team/{org}/members/me/iam", newRule, 200, 200, 403, 403, 403, 401),
        Row(.patch, "/team/{org}/members/{member}/iam/{memberRule}", #"{"status":"inactive"}"#, 200, 200, 403, 403, 403, 401),
        Row(.patch, "/team/{org}/members/{owner}/iam/{memberRule}", #"{"status":"inactive"}"#, 404, 403, 403, 403, 403, 401),
        Row(.delete, "/team/{org}/members/{member}/iam/{memberRule}", nil, 200, 200, 403, 403, 403, 401),
        Row(.delete, "/team/{org}/members/{member}/iam/{rule}", nil, 404, 404, 403, 403, 403, 401),
        Row(.get, "/chats", nil, 200, 200, 200, 200, 200, 401),
        Row(.post, "/chats", #"{"title":"t","model":"m"}"#, 201, 201, 201, 201, 201, 401),
        Row(.get, "/chats/{chat}", nil, 200, 404, 404, 404, 404, 401),
        Row(.patch, "/chats/{chat}", #"{"status":"archived"}"#, 200, 404, 404, 404, 404, 401),
        Row(.delete, "/chats/{chat}", nil, 200, 404, 404, 404, 404, 401),
        Row(.post, "/chats/{chat}/messages", #"{"role":"user","content":"c"}"#, 201, 404, 404, 404, 404, 401),
        Row(.post, "/playground/ensure-key", #"{"projectId":"{project}"}"#, 200, 200, 200, 403, 403, 401),
        Row(.get, "/playground/key", nil, 200, 200, 200, 200, 200, 401),
        // Nobody of an organization is an administrator of the installation.
        Row(.get, "/admin/metrics", nil, 403, 403, 403, 403, 403, 401),
        Row(.get, "/admin/ledger/journal", nil, 403, 403, 403, 403, 403, 401),
        Row(.get, "/admin/ledger/totals", nil, 403, 403, 403, 403, 403, 401),
        Row(.get, "/admin/ledger/export", nil, 403, 403, 403, 403, 403, 401),
        Row(.get, "/admin/ledger/proof?event=1", nil, 403, 403, 403, 403, 403, 401),
        Row(.post, "/admin/ledger/replay", "{}", 403, 403, 403, 403, 403, 401),
        Row(.get, "/admin/reconcile/stripe?from=2026-01-01T00:00:00Z", nil, 403, 403, 403, 403, 403, 401),
        Row(.get, "/logs", nil, 200, 200, 200, 200, 200, 401),
        Row(.get, "/logs?orgId={org}", nil, 200, 200, 200, 403, 403, 401),
        Row(.get, "/logs?projectId={project}", nil, 200, 200, 200, 403, 403, 401),
        Row(.get, "/logs?apiKeyId={ownerKey}", nil, 200, 200, 200, 404, 404, 401),
        Row(.get, "/logs?providerKeyId={providerKey}", nil, 200, 200, 200, 404, 404, 401),
        Row(.get, "/logs/{request}", nil, 200, 200, 200, 404, 404, 401),
        Row(.get, "/logs/unique-models?orgId={org}", nil, 200, 200, 200, 403, 403, 401),
        Row(.get, "/logs/unique-models?projectId={project}", nil, 200, 200, 200, 403, 403, 401),
        Row(.get, "/activity?days=7", nil, 200, 200, 200, 200, 200, 401),
        Row(.get, "/activity?days=7&projectId={project}", nil, 200, 200, 200, 403, 403, 401),
        // Money is an owner's alone. Nobody has set up Stripe here: who may is told so (503), or that there is nothing (404, 400).
        Row(.get, "/v1/config", nil, 200, 200, 200, 200, 200, 200),
        Row(.post, "/stripe/webhook", "{}", 400, 400, 400, 400, 400, 400),
        Row(.post, "/payments/create-payment-intent", purchase, 503, 403, 403, 404, 404, 401),
        Row(.post, "/payments/create-setup-intent", ofOrganization, 503, 403, 403, 404, 404, 401),
        Row(.get, "/payments/payment-methods?organizationId={org}", nil, 200, 403, 403, 404, 404, 401),
        Row(.post, "/payments/payment-methods/default", cardOfOrganization, 404, 403, 403, 404, 404, 401),
        Row(.delete, "/payments/payment-methods/{card}?organizationId={org}", nil, 404, 403, 403, 404, 404, 401),
        Row(.post, "/payments/top-up-with-saved-method", purchaseByCard, 404, 403, 403, 404, 404, 401),
        Row(.post, "/payments/calculate-fees", purchase, 200, 403, 403, 404, 404, 401),
        Row(.post, "/subscriptions/create-pro-subscription", ofOrganization, 400, 403, 403, 404, 404, 401),
        Row(.post, "/subscriptions/cancel-pro-subscription", ofOrganization, 400, 403, 403, 404, 404, 401),
        Row(.post, "/subscriptions/resume-pro-subscription", ofOrganization, 400, 403, 403, 404, 404, 401),
        Row(.post, "/subscriptions/upgrade-to-yearly", ofOrganization, 400, 403, 403, 404, 404, 401),
        Row(.get, "/subscriptions/status?organizationId={org}", nil, 200, 200, 200, 404, 404, 401),
        Row(.get, "/dashboard/settings/billing?success=true", nil, 200, 200, 200, 200, 200, 200),
        Row(.get, "/orgs/{org}/invoices", nil, 200, 403, 403, 404, 404, 401),
        Row(.get, "/orgs/{org}/invoices/{number}", nil, 404, 403, 403, 404, 404, 401),
        Row(.get, "/orgs/{org}/balance", nil, 200, 200, 200, 404, 404, 401),
        Row(.get, "/orgs/{org}/statement", nil, 200, 200, 200, 404, 404, 401),
        Row(.get, "/orgs/{org}/grants", nil, 200, 200, 200, 404, 404, 401),
        Row(.get, "/orgs/{org}/journal", nil, 200, 200, 200, 404, 404, 401),
        Row(.get, "/orgs/{org}/export", nil, 200, 403, 403, 404, 404, 401),
        Row(.get, "/orgs/{org}/export?format=beancount", nil, 200, 403, 403, 404, 404, 401),
        // Nobody has sealed anything here.
        Row(.get, "/orgs/{org}/proof?event=1", nil, 404, 403, 403, 404, 404, 401),
        Row(.get, "/user/me/invites", nil, 200, 200, 200, 200, 200, 401),
        Row(.get, "/team/{org}/members", nil, 200, 200, 200, 403, 403, 401),
        Row(.post, "/team/{org}/members", #"{"email":"n@b.test","role":"developer"}"#, 200, 200, 403, 403, 403, 401),
        Row(.post, "/team/{org}/members", #"{"email":"n@b.test","role":"owner"}"#, 200, 403, 403, 403, 403, 401),
        Row(.patch, "/team/{org}/members/{member}", #"{"role":"admin"}"#, 200, 200, 403, 403, 403, 401),
        Row(.patch, "/team/{org}/members/{member}", #"{"role":"owner"}"#, 200, 403, 403, 403, 403, 401),
        // The last owner stays.
        Row(.patch, "/team/{org}/members/{owner}", #"{"role":"admin"}"#, 400, 403, 403, 403, 403, 401),
        Row(.delete, "/team/{org}/members/{member}", nil, 200, 200, 403, 403, 403, 401),
        Row(.delete, "/team/{org}/members/{owner}", nil, 400, 403, 403, 403, 403, 401),
        Row(.delete, "/team/{org}/invites/{invite}", nil, 200, 200, 403, 403, 403, 401),
        // It is somebody else's.
        Row(.post, "/team/{org}/invites/{invite}/accept", nil, 404, 404, 404, 404, 404, 401),
    ]
}
