/// `member_rule.created`, in the organization's stream: a ceiling over every API key that the member made or will make, whatever
/// the rules of the key itself say.
public struct MemberRuleCreated: EventData, Hashable {
    public static let type = "member_rule.created"
    public var user: UserID
    public var rule: IAMRuleID
    public var kind: IAMRuleType
    public var value: IAMRuleValue
    public var status: EntityStatus

    public init(user: UserID, rule: IAMRuleID, kind: IAMRuleType, value: IAMRuleValue, status: EntityStatus = .active) {
        self.user = user
        self.rule = rule
        self.kind = kind
        self.value = value
        self.status = status
    }
}

/// `member_rule.updated`, in the organization's stream: only what changed is there; a value is there as a whole.
public struct MemberRuleUpdated: EventData, Hashable {
    public static let type = "member_rule.updated"
    public var user: UserID
    public var rule: IAMRuleID
    public var kind: IAMRuleType?
    public var value: IAMRuleValue?
    public var status: EntityStatus?

    public init(
        user: UserID, rule: IAMRuleID, kind: IAMRuleType? = nil, value: IAMRuleValue? = nil, status: EntityStatus? = nil
    ) {
        self.user = user
        self.rule = rule
        self.kind = kind
        self.value = value
        self.status = status
    }
}

/// `member_rule.deleted`, in the organization's stream.
public struct MemberRuleDeleted: EventData, Hashable {
    public static let type = "member_rule.deleted"
    public var user: UserID
    public var rule: IAMRuleID

    public init(user: UserID, rule: IAMRuleID) {
        self.user = user
        self.rule = rule
    }
}
