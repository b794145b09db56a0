internal import Catalogue
internal import Credentials
internal import Dialects
internal import Ledger
internal import Money

/// One mapping at its provider with the account that pays there, for one request; a class as `UnderstoodRequest` is.
final class Route: Sendable {
    let mapping: Mapping
    let provider: Provider
    /// Prompt tokens there, counted from above.
    let promptTokens: Int64
    /// The request in the provider's dialect; nil where that is the client's, whose bytes are sent.
    let foreign: (any ForeignRequest)?
    /// The chat completion request as it is made, or sent, where functions stand for custom tools; nil where none needs to.
    let functions: FunctionChat?
    /// The organization's own account; nil for the house's.
    let own: OwnAccount?
    /// Which of the house's accounts, where it is the house's.
    let account: Int
    /// Whether the mapping is avoided, and tried to see whether it is well again.
    let isTrial: Bool

    init(
        mapping: Mapping, provider: Provider, promptTokens: Int64, foreign: (any ForeignRequest)? = nil,
        functions: FunctionChat? = nil, own: OwnAccount? = nil, account: Int = 0, isTrial: Bool = false
    ) {
        self.mapping = mapping
        self.provider = provider
        self.promptTokens = promptTokens
        self.foreign = foreign
        self.functions = functions
        self.own = own
        self.account = account
        self.isTrial = isTrial
    }

    /// The same place, paid from an account of the organization.
    func with(_ own: OwnAccount) -> Route {
        Route(
            mapping: mapping, provider: provider, promptTokens: promptTokens, foreign: foreign, functions: functions, own: own)
    }

    /// The same place, paid from another of the house's accounts.
    func with(account: Int) -> Route {
        Route(
            mapping: mapping, provider: provider, promptTokens: promptTokens, foreign: foreign, functions: functions,
            account: account, isTrial: isTrial)
    }

    /// The same place, tried although it is avoided.
    var asTrial: Route {
        Route(
            mapping: mapping, provider: provider, promptTokens: promptTokens, foreign: foreign, functions: functions, own: own,
            account: account, isTrial: true)
    }

    /// The account that pays there; nil when there is none, or nothing says where it is.
    var payingAccount: Provider.Account? {
        guard let own else { return account < provider.accounts.count ? provider.accounts[account] : nil }
        guard let baseURL = own.baseURL ?? provider.baseURL(options: own.options) else { return nil }
        let options = provider.options.merging(own.options) { $1 }
        return Provider.Account(baseURL: baseURL, apiKey: own.credential.secret, options: options)
    }

    /// Who pays the provider.
    var credential: CredentialOwner { own == nil ? .house : .organization }

    /// What the customer is charged for `usage`: nothing where its own account pays the provider.
    func price(of usage: TokenUsage) throws(MoneyError) -> Bill { own == nil ? try mapping.prices.bill(for: usage) : .none }

    /// What the provider charges whoever pays it.
    func cost(of usage: TokenUsage) throws(MoneyError) -> Bill { try mapping.costs.bill(for: usage) }
}
