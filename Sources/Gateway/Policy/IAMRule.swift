internal import Ledger

/// A rule as it binds a request.
struct IAMRule: Sendable, Hashable {
    let id: IAMRuleID
    let kind: IAMRuleType
    let value: IAMRuleValue
}
