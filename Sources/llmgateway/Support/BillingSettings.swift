internal import Billing
internal import Money

/// What the environment says about payments. Without STRIPE_SECRET_KEY nothing is sold, and everything else works.
struct BillingSettings: Sendable {
    var configuration = BillingConfiguration()
    /// `STRIPE_SECRET_KEY`
    var secretKey: String?
    /// `STRIPE_API_URL`
    var apiURL: String

    /// - Parameter pagesURL: where people come back to after Stripe's pages.
    /// - Throws: `SettingsError` naming the variable that can't be read.
    init(pagesURL: String) throws(SettingsError) {
        let environment = EnvironmentReader()
        let text = environment.text
        secretKey = text("stripe.secret.key")
        var url = try environment.url("stripe.api.url", "STRIPE_API_URL") ?? "https://api.stripe.com"
        while url.hasSuffix("/") { url.removeLast() }
        apiURL = url
        configuration.pagesURL = pagesURL
        configuration.publishableKey = text("stripe.publishable.key")
        configuration.webhookSecrets = environment.list("stripe.webhook.secret")
        configuration.monthlyPrice = text("stripe.pro.monthly.price.id")
        configuration.yearlyPrice = text("stripe.pro.yearly.price.id")
        if let days = text("stripe.pro.trial.days") {
            guard let number = Int(days), (0...730).contains(number) else {
                throw SettingsError(message: "STRIPE_PRO_TRIAL_DAYS must be 0 to 730")
            }
            configuration.trialDays = number
        }
        if let name = text("fee.rule") {
            guard let rule = FeeRule(rawValue: name) else {
                let names = FeeRule.allCases.map(\.rawValue).joined(separator: ", ")
                throw SettingsError(message: "FEE_RULE must be one of \(names)")
            }
            configuration.feeRule = rule
        }
        if let multiplier = text("first.time.credit.bonus.multiplier") {
            guard let factor = try? Multiplier(decimal: multiplier), factor >= .one else {
                throw SettingsError(message: "FIRST_TIME_CREDIT_BONUS_MULTIPLIER must be a number such as 1.5, not below 1")
            }
            configuration.firstPurchase = factor
        }
        if let country = text("invoice.country") { configuration.country = country.uppercased() }
        if let seller = text("invoice.seller") {
            configuration.seller = seller.split(separator: "|").map(String.init).joined(separator: "\n")
        }
    }
}
