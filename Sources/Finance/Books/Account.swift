internal import Ledger

/// An account of the books.
public enum Account: String, Sendable, Hashable, CaseIterable {
    case customerCredits = "customer_credits"
    case stripeClearing = "stripe_clearing"
    case fees
    case usageRevenue = "usage_revenue"
    case overrun
    case providerCost = "provider_cost"
    case providerPayable = "provider_payable"
    case promotions
    case adjustments
    case breakage
    case paymentCost = "payment_cost"
    case disputes
    case frozenCredits = "frozen_credits"
    case disputeLosses = "dispute_losses"
    case subscriptionRevenue = "subscription_revenue"

    /// Its place in a chart of accounts, as Beancount and Ledger write it. What we owe customers stands by organization.
    func name(of organization: OrganizationID?) -> String {
        switch self {
        case .customerCredits: "Liabilities:CustomerCredits:\(Self.part(organization))"
        case .frozenCredits: "Liabilities:FrozenCredits:\(Self.part(organization))"
        case .stripeClearing: "Assets:StripeClearing"
        case .disputes: "Assets:Disputes"
        case .providerPayable: "Liabilities:ProviderPayable"
        case .fees: "Income:Fees"
        case .usageRevenue: "Income:Usage"
        case .breakage: "Income:Breakage"
        case .subscriptionRevenue: "Income:Subscriptions"
        case .overrun: "Expenses:Overrun"
        case .providerCost: "Expenses:ProviderCost"
        case .promotions: "Expenses:Promotions"
        case .adjustments: "Expenses:Adjustments"
        case .paymentCost: "Expenses:PaymentCost"
        case .disputeLosses: "Expenses:DisputeLosses"
        }
    }

    /// A part begins with a capital letter and has letters, digits and hyphens.
    private static func part(_ organization: OrganizationID?) -> String {
        organization.map { "Org-\($0.description.dropFirst(4))" } ?? "Org-0"
    }
}
