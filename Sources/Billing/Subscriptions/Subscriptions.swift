internal import JSON
internal import Ledger
internal import Logging
internal import Postgres
internal import Web

extension Billing {
    /// The page that Stripe's lead back to.
    static let returnPath = "/dashboard/settings/billing"

    /// What an owner may do to a subscription.
    enum SubscriptionChange: Sendable {
        /// At the end of the period; of several all, so that nothing goes on unseen.
        case cancel
        case resume
        case yearly
    }

    /// Begins a subscription on a page of Stripe's. At most one is open at a time: nobody is to pay on two.
    ///
    /// - Returns: The page's address.
    /// - Throws: 400 where Stripe has a subscription already, whether or not a webhook has told of it.
    func startSubscription(
        isYearly: Bool, for organization: OrganizationID, by caller: Caller
    ) async throws(WebError) -> String {
        let price = try price(isYearly: isYearly)
        let customer = try await madeCustomer(of: organization, by: caller)
        // First: what is paid on an open page before it is closed is a subscription when those are looked at.
        let last = try await closePages(of: customer)
        try await refuseSecond(of: customer)
        var form = [
            ("mode", "subscription"), ("customer", customer), ("line_items[0][price]", price), ("line_items[0][quantity]", "1"),
            ("allow_promotion_codes", "true"), ("client_reference_id", organization.description),
            ("metadata[organizationId]", organization.description),
            ("subscription_data[metadata][organizationId]", organization.description),
            ("success_url", "\(configuration.pagesURL)\(Self.returnPath)?success=true"),
            ("cancel_url", "\(configuration.pagesURL)\(Self.returnPath)?canceled=true"),
        ]
        if configuration.trialDays > 0, try await !hadSubscription(organization) {
            form.append(("subscription_data[trial_period_days]", String(configuration.trialDays)))
        }
        let fields = form
        // Of two requests at once, which saw the same last page, both get one page. For a minute, because Stripe keeps a failure, too.
        let minute = Timestamp.now.microseconds / 60_000_000
        let session = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.post(
                "/v1/checkout/sessions", fields, idempotencyKey: "checkout-\(last ?? customer)-\(price)-\(minute)")
        }
        guard let url = session["url"]?.text else { throw WebError(502, "Stripe gave no page.") }
        return url
    }

    /// Closes the customer's pages that wait for a payment.
    ///
    /// - Returns: Stripe's id of the newest page, open or not; nil when there was none.
    /// - Throws: What Stripe says of a page that it can't close, because it is being paid on.
    private func closePages(of customer: String) async throws(WebError) -> String? {
        let found = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.get("/v1/checkout/sessions", [("customer", customer), ("limit", "100")])
        }
        let pages = found["data"]?.elements ?? []
        for page in pages where page["mode"]?.text == "subscription" && page["status"]?.text == "open" {
            guard let id = page["id"]?.text else { continue }
            _ = try await called { stripe throws(StripeClient.Failure) in
                try await stripe.post("/v1/checkout/sessions/\(PercentEncoding.encode(id))/expire", idempotencyKey: nil)
            }
        }
        return pages.first?["id"]?.text
    }

    /// Refuses a subscription beside one that Stripe has, and books that one.
    private func refuseSecond(of customer: String) async throws(WebError) {
        let found = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.get("/v1/subscriptions", [("customer", customer), ("limit", "100")])
        }
        var isFirst = true
        for subscription in found["data"]?.elements ?? [] {
            guard let id = subscription["id"]?.text, SubscriptionState.isLive(subscription["status"]?.text ?? "") else {
                continue
            }
            isFirst = false
            try await observe(subscription, at: found.date, of: id)
        }
        guard !isFirst else { return }
        try await settleSubscriptions()
        throw WebError.invalid(nil, "The organization has a plan already.")
    }

    /// Changes the subscription at Stripe, and answers when the ledger has it.
    ///
    /// - Throws: 400 where there is none, or it is so already.
    func change(subscriptionOf organization: OrganizationID, _ change: SubscriptionChange) async throws(WebError) {
        let all = try await subscriptions(of: organization)
        guard let state = all.first else { throw WebError.invalid(nil, "The organization has no subscription.") }
        switch change {
        case .cancel:
            guard !state.cancels else { throw WebError.invalid(nil, "The subscription is cancelled already.") }
            for other in all where !other.cancels { try await tell([("cancel_at_period_end", "true")], to: other) }
        case .resume:
            guard state.cancels else { throw WebError.invalid(nil, "The subscription is not cancelled.") }
            try await tell([("cancel_at_period_end", "false")], to: state)
        case .yearly:
            guard state.cycle != "yearly" else { throw WebError.invalid(nil, "The subscription is yearly already.") }
            let price = try price(isYearly: true)
            let current = try await called { stripe throws(StripeClient.Failure) in
                try await stripe.get("/v1/subscriptions/\(state.subscription)")
            }
            guard let item = current["items"]?["data"]?.elements?.first?["id"]?.text else {
                throw WebError(502, "Stripe gave no item of the subscription.")
            }
            try await tell(
                [("items[0][id]", item), ("items[0][price]", price), ("proration_behavior", "create_prorations")], to: state)
        }
        try await settleSubscriptions()
    }

    private func tell(_ form: [(String, String)], to state: SubscriptionState) async throws(WebError) {
        let changed = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.post("/v1/subscriptions/\(state.subscription)", form, idempotencyKey: nil)
        }
        try await observe(changed.value, at: changed.date, of: state.subscription)
    }

    /// Ends at once, at Stripe, what an organization that is deleted would go on paying for.
    func endSubscriptionsOfDeleted() async throws(WebError) {
        guard stripe != nil else { return }
        let left = try await rows(
            """
            SELECT s.stripe_subscription FROM payments.subscriptions AS s
            JOIN organizations.organizations AS o ON o.organization = coalesce(s.posted_organization, s.organization)
            WHERE o.status = 'deleted' AND NOT s.seen_over AND s.stripe_subscription IS NOT NULL
            ORDER BY s.subscription LIMIT 50
            """, [], { try $0.decode(0, as: String.self) })
        for subscription in left {
            do throws(WebError) {
                let ended = try await called { stripe throws(StripeClient.Failure) in
                    try await stripe.delete("/v1/subscriptions/\(PercentEncoding.encode(subscription))")
                }
                try await observe(ended.value, at: ended.date, of: subscription)
            } catch {
                logger.warning(
                    "a deleted organization's subscription goes on",
                    metadata: ["subscription": "\(subscription)", "error": "\(error.message)"])
            }
        }
    }

    /// The plan that an organization has.
    func plan(of organization: OrganizationID) async throws(WebError) -> String {
        try await rows(
            "SELECT plan FROM organizations.organizations WHERE organization = $1", [.uuid(organization.uuid)],
            { try $0.decode(0, as: String.self) }
        ).first ?? SubscriptionState.noPlan
    }

    private func price(isYearly: Bool) throws(WebError) -> String {
        guard let price = isYearly ? configuration.yearlyPrice : configuration.monthlyPrice else {
            let name = isYearly ? "STRIPE_PRO_YEARLY_PRICE_ID" : "STRIPE_PRO_MONTHLY_PRICE_ID"
            throw WebError(503, "The plan is not for sale here: \(name) is missing.", code: "payments_not_configured")
        }
        return price
    }
}
