public import struct FoundationEssentials.UUID

/// The kinds of stream; the raw value stands in the column `stream_kind`.
public enum StreamKind: String, Sendable, Hashable, Codable, CaseIterable {
    case ledger
    case organization
    case user
    case project
    case apiKey = "api_key"
    case providerKey = "provider_key"
    case request
    case credit
    case payment
    case customer
    case subscription
    case invoice
    case catalogue
    case stripe
}

/// One stream of events: everything that happened to one thing, in versions 1, 2, 3 and so on.
public struct StreamName: Sendable, Hashable, CustomStringConvertible {
    public let kind: StreamKind
    public let id: UUID

    public init(kind: StreamKind, id: UUID) {
        self.kind = kind
        self.id = id
    }

    public static func organization(_ id: OrganizationID) -> Self { Self(kind: .organization, id: id.uuid) }
    /// What a person made: the stream that counts a person's organizations.
    public static func user(_ id: UserID) -> Self { Self(kind: .user, id: id.uuid) }
    public static func project(_ id: ProjectID) -> Self { Self(kind: .project, id: id.uuid) }
    public static func apiKey(_ id: APIKeyID) -> Self { Self(kind: .apiKey, id: id.uuid) }
    public static func providerKey(_ id: ProviderKeyID) -> Self { Self(kind: .providerKey, id: id.uuid) }
    public static func request(_ id: RequestID) -> Self { Self(kind: .request, id: id.uuid) }
    /// The credits of an organization.
    public static func credit(_ id: OrganizationID) -> Self { Self(kind: .credit, id: id.uuid) }
    public static func payment(_ id: PaymentID) -> Self { Self(kind: .payment, id: id.uuid) }
    /// Under which name Stripe knows an organization, and what is bought for it automatically.
    public static func customer(_ id: OrganizationID) -> Self { Self(kind: .customer, id: id.uuid) }
    public static func subscription(_ id: SubscriptionID) -> Self { Self(kind: .subscription, id: id.uuid) }
    /// What Stripe said: one stream an event of Stripe's.
    public static func stripe(_ id: EventID) -> Self { Self(kind: .stripe, id: id.uuid) }
    /// All invoices of the installation: the version of an event in it is the number of its invoice, so that none is missing.
    public static let invoices = Self(kind: .invoice, id: .zero)

    /// Reads `kind/id`, the id prefixed (`request/req_...`) or as a uuid; `nil` for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = StreamKind(rawValue: String(parts[0])) else { return nil }
        let id = String(parts[1])
        let uuid: UUID? =
            switch kind {
            case .organization, .credit, .customer: OrganizationID(id)?.uuid
            case .user: UserID(id)?.uuid
            case .project: ProjectID(id)?.uuid
            case .apiKey: APIKeyID(id)?.uuid
            case .providerKey: ProviderKeyID(id)?.uuid
            case .request: RequestID(id)?.uuid
            case .payment: PaymentID(id)?.uuid
            case .subscription: SubscriptionID(id)?.uuid
            default: id.utf8.count == 36 ? UUID(uuidString: id) : nil
            }
        guard let uuid else { return nil }
        self.init(kind: kind, id: uuid)
    }

    /// For example `request/req_...`.
    public var description: String {
        switch kind {
        case .organization, .credit, .customer: "\(kind.rawValue)/\(OrganizationID(uuid: id))"
        case .user: "\(kind.rawValue)/\(UserID(uuid: id))"
        case .project: "\(kind.rawValue)/\(ProjectID(uuid: id))"
        case .apiKey: "\(kind.rawValue)/\(APIKeyID(uuid: id))"
        case .providerKey: "\(kind.rawValue)/\(ProviderKeyID(uuid: id))"
        case .request: "\(kind.rawValue)/\(RequestID(uuid: id))"
        case .payment: "\(kind.rawValue)/\(PaymentID(uuid: id))"
        case .subscription: "\(kind.rawValue)/\(SubscriptionID(uuid: id))"
        default: "\(kind.rawValue)/\(id.lowercase)"
        }
    }
}
