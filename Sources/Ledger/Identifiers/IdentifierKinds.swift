/// The kinds of identifier.
public enum IdentifierKinds {
    /// Names an organization.
    public enum Organization: IdentifierKind { public static let prefix = "org" }
    /// Names a project.
    public enum Project: IdentifierKind { public static let prefix = "proj" }
    /// Names an API key.
    public enum APIKey: IdentifierKind { public static let prefix = "key" }
    /// Names a provider key: an organization's own account at a provider.
    public enum ProviderKey: IdentifierKind { public static let prefix = "pkey" }
    /// Names a request.
    public enum Request: IdentifierKind { public static let prefix = "req" }
    /// Names an event.
    public enum Event: IdentifierKind { public static let prefix = "evt" }
    /// Names a person.
    public enum User: IdentifierKind { public static let prefix = "usr" }
    /// Names a running process.
    public enum Instance: IdentifierKind { public static let prefix = "inst" }
    /// Names a grant of credit.
    public enum Grant: IdentifierKind { public static let prefix = "grant" }
    /// Names a rule of what an API key may use.
    public enum IAMRule: IdentifierKind { public static let prefix = "rule" }
    /// Names an invitation to an organization.
    public enum Invite: IdentifierKind { public static let prefix = "inv" }
    /// Names a payment.
    public enum Payment: IdentifierKind { public static let prefix = "pay" }
    /// Names a subscription of a plan.
    public enum Subscription: IdentifierKind { public static let prefix = "subs" }
}

/// Names an organization: `org_...`.
public typealias OrganizationID = Identifier<IdentifierKinds.Organization>
/// Names a project: `proj_...`.
public typealias ProjectID = Identifier<IdentifierKinds.Project>
/// Names an API key: `key_...`.
public typealias APIKeyID = Identifier<IdentifierKinds.APIKey>
/// Names a provider key: `pkey_...`.
public typealias ProviderKeyID = Identifier<IdentifierKinds.ProviderKey>
/// Names a request: `req_...`.
public typealias RequestID = Identifier<IdentifierKinds.Request>
/// Names an event: `evt_...`.
public typealias EventID = Identifier<IdentifierKinds.Event>
/// Names a person: `usr_...`.
public typealias UserID = Identifier<IdentifierKinds.User>
/// Names a running process: `inst_...`.
public typealias InstanceID = Identifier<IdentifierKinds.Instance>
/// Names a grant of credit: `grant_...`.
public typealias GrantID = Identifier<IdentifierKinds.Grant>
/// Names a rule of what an API key may use: `rule_...`.
public typealias IAMRuleID = Identifier<IdentifierKinds.IAMRule>
/// Names an invitation to an organization: `inv_...`.
public typealias InviteID = Identifier<IdentifierKinds.Invite>
/// Names a payment: `pay_...`.
public typealias PaymentID = Identifier<IdentifierKinds.Payment>
/// Names a subscription of a plan: `subs_...`.
public typealias SubscriptionID = Identifier<IdentifierKinds.Subscription>

extension Identifier where Kind == IdentifierKinds.Event {
    /// A new event id that keeps the first 48 bits of a request's id: the events of a request lie together.
    public static func mint(for request: RequestID) -> Self { Self(uuid: UUIDv7.sharing(timeOf: request.uuid)) }
}
