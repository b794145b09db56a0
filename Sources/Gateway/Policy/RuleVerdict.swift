internal import Ledger
internal import Money

/// What the rules look at of a request.
struct RuleSubject: Sendable {
    /// The model's id in the catalogue, its aliases, and `auto` where that was asked for: a rule may use any of them.
    let names: [String]
    /// The client's network address; asked for only by rules about it.
    let address: @Sendable () -> String?
}

/// One place where the request could go.
struct RuleCandidate: Sendable, Hashable {
    let provider: String
    /// The provider's own name for the model.
    var upstreamName = ""
    /// Further names that rules may use for it: `custom` and `custom:name` for a provider that the organization named.
    var providerAliases: [String] = []
    let isFree: Bool
    /// The most that an input token may cost there.
    let inputPrice: PicoDollars
    /// The most that an output token may cost there.
    let outputPrice: PicoDollars
}

enum RuleVerdict: Sendable, Hashable {
    /// The places of the candidates that are left, ascending; at least one.
    case left([Int])
    case refused(RuleRefusal)
}

/// Why the rules of one level let a request go nowhere.
struct RuleRefusal: Sendable, Hashable {
    enum Reason: String, Sendable, Hashable {
        case unreadable = "a rule is not understood by this version of the gateway"
        case addressNotAllowed = "the client's address is in none of the allowed networks"
        case addressDenied = "the client's address is in a denied network"
        case modelNotAllowed = "the model is not in the list of allowed models"
        case modelDenied = "the model is in the list of denied models"
        case providerNotAllowed = "no provider of the model is in the list of allowed providers"
        case providerDenied = "every provider of the model that is left is in the list of denied providers"
        case priceNotAllowed = "the model's price is not within what is allowed"
        case freeDenied = "free models are not allowed"
        case paidDenied = "paid models are not allowed"
    }

    let reason: Reason
    let scope: RuleSet.Scope
    /// Those that refused: all of a union of allow rules, or the deny rules that applied.
    let rules: [IAMRuleID]
}
