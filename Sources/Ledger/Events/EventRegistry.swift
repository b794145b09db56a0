/// All types of event that this build knows.
public struct EventRegistry: Sendable {
    /// The data of an event, or its raw JSON where the type or its version is not known.
    public enum Decoded: Sendable {
        case known(any EventData)
        case unknown(type: String, schemaVersion: Int32, data: [UInt8])
    }

    private var types: [String: any EventData.Type] = [:]

    /// The types of the ledger's own families.
    public static let standard = EventRegistry([
        LedgerCreated.self, AdmissionEpochStarted.self, RollbackAccepted.self, PeriodClosed.self,
        CataloguePriced.self, CataloguePriceChanged.self,
        OrganizationCreated.self, OrganizationUpdated.self, OrganizationDeleted.self, OrganizationReferred.self,
        ProjectCreated.self, ProjectUpdated.self, ProjectDeleted.self,
        APIKeyCreated.self, APIKeyStatusChanged.self, APIKeyLimitChanged.self, APIKeyRenamed.self, APIKeyExpiryChanged.self,
        APIKeyRolled.self, APIKeyDeleted.self,
        IAMRuleCreated.self, IAMRuleUpdated.self, IAMRuleDeleted.self,
        MemberRuleCreated.self, MemberRuleUpdated.self, MemberRuleDeleted.self,
        ProviderKeyCreated.self, ProviderKeyUpdated.self, ProviderKeyDeleted.self,
        MemberAdded.self, MemberRoleChanged.self, MemberRemoved.self, MemberInvited.self, MemberInviteWithdrawn.self,
        UserOrganizationAdded.self, UserDeleted.self, OrganizationProjectAdded.self, OrganizationProviderKeyAdded.self,
        ProjectKeyAdded.self,
        CreditGranted.self, CreditToppedUp.self, CreditAdjusted.self, CreditRefunded.self, CreditExpired.self,
        CreditVoided.self, CreditFrozen.self, CreditUnfrozen.self,
        StripeWebhookReceived.self, StripeObjectRetrieved.self, CustomerCreated.self, AutoTopUpStarted.self, BonusPromised.self,
        BonusGiven.self,
        PaymentStarted.self, PaymentSucceeded.self, PaymentFailed.self, PaymentRefunded.self, PaymentFeeRecorded.self,
        DisputeOpened.self, DisputeWon.self, DisputeLost.self,
        SubscriptionStarted.self, SubscriptionRenewed.self, SubscriptionChanged.self, SubscriptionCancelled.self,
        SubscriptionResumed.self, SubscriptionEnded.self, SubscriptionPaid.self, SubscriptionPaymentFailed.self,
        InvoiceIssued.self,
        RequestAuthorized.self, RequestVoided.self, RequestDenied.self,
        RequestCompleted.self, RequestFailed.self, RequestCancelled.self, RequestAbandoned.self, RequestSettledLate.self,
    ])

    public init(_ types: [any EventData.Type]) {
        for type in types { self.types[type.type] = type }
    }

    /// The same with further types; a later one of the same name wins.
    public func adding(_ types: [any EventData.Type]) -> EventRegistry {
        var copy = self
        for type in types { copy.types[type.type] = type }
        return copy
    }

    /// The names of the known types, sorted.
    public var typeNames: [String] { types.keys.sorted() }

    /// Reads an event of any type as its newest shape; a type or a version of a newer build is kept raw.
    /// - Throws: `EventError` with `decodingFailed` when a known type's data is not of its shape.
    public func decode(_ event: RecordedEvent) throws(EventError) -> Decoded {
        let unknown = Decoded.unknown(type: event.type, schemaVersion: event.schemaVersion, data: event.data)
        guard let type = types[event.type] else { return unknown }
        do { return .known(try type.decode(event.data, schemaVersion: event.schemaVersion)) } catch {
            if error.code == .unknownType { return unknown }
            throw error
        }
    }
}
