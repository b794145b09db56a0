public import Money

/// What an operator decides about payments.
public struct BillingConfiguration: Sendable {
    /// Secrets of the webhook's endpoint; two while they are rotated. Without one no webhook is believed.
    public var webhookSecrets: [String] = []
    public var feeRule = FeeRule.added
    /// By how much the first purchase is worth more, parts per million: 1,500,000 gives half of it on top. One gives nothing.
    public var firstPurchase = Multiplier.one
    /// The most that is given on top of a first purchase.
    public var largestBonus = NanoDollars(50_000_000_000)
    /// What an organization is given of what those spend whom it referred.
    public var referralShare = Multiplier(partsPerMillion: 10_000)
    /// How long it is at least from one such grant to the next of the same organization.
    public var referralInterval = Duration.seconds(86_400)
    /// Stripe's prices of the plan.
    public var monthlyPrice: String?
    public var yearlyPrice: String?
    /// For how many days a first subscription costs nothing.
    public var trialDays = 7
    /// The country of the seller, two capital letters; a card of another one is international.
    public var country = "US"
    /// Where people come back to after Stripe's pages, without a slash at its end.
    public var pagesURL = "http://localhost:4001"
    /// Who issues invoices: lines of text.
    public var seller = "LLM Gateway"
    /// Given to browsers, which talk to Stripe with it.
    public var publishableKey: String?

    public init() {}
}
