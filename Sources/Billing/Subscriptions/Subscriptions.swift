internal import JSON
internal import Ledger
internal import Logging
internal import Postgres
internal import Web

extension Billing {
    /// What an owner may do to a subscription.
    enum SubscriptionChange: Sendable {
        /// At the end of the period.
        case cancel
        case resume
        case yearly
    }

    /// Begins a subscription on a page of Stripe's.
    ///
    /// - Returns: The page's address.
    func startSubscription(
        isYearly: Bool, for organization: OrganizationID, by caller: Caller
    ) async throws(WebError) -> String {
        let price = try price(isYearly: isYearly)
        let customer = try await madeCustomer(of: organization, by: caller)
        var form = [
            ("mode", "subscription"), ("customer", customer), ("line_items[0][price]", price), ("line_items[0][quantity]", "1"),
            ("allow_promotion_codes", "true"), ("client_reference_id", organization.description),
            ("metadata[organizationId]", organization.description),
            ("subscription_data[metadata][organizationId]", organization.description),
            ("success_url", "\(configuration.pagesURL)/dashboard/settings/billing?success=true"),
            ("cancel_url", "\(configuration.pagesURL)/dashboard/settings/billing?canceled=true"),
        ]
        if configuration.trialDays > 0, try await !hadSubscription(organization) {
            form.append(("subscription_data[trial_period_days]", String(configuration.trialDays)))
        }
        let fields = form
        let session = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.post("/v1/checkout/sessions", fields, idempotencyKey: nil)
        }
        guard let url = session["url"]?.text else { throw WebError(502, "Stripe gave no page.") }
        return url
    }

    /// Changes the subscription at Stripe, and answers when the ledger has it.
    ///
    /// - Throws: 400 where there is none, or it is so already.
    func change(subscriptionOf organization: OrganizationID, _ change: SubscriptionChange) async throws(WebError) {
        guard let state = try await subscription(of: organization) else {
            throw WebError.invalid(nil, "The organization has no subscription.")
        }
        var form: [(String, String)]
        switch change {
        case .cancel:
            guard !state.cancels else { throw WebError.invalid(nil, "The subscription is cancelled already.") }
            form = [("cancel_at_period_end", "true")]
        case .resume:
            guard state.cancels else { throw WebError.invalid(nil, "The subscription is not cancelled.") }
            form = [("cancel_at_period_end", "false")]
        case .yearly:
            guard state.cycle != "yearly" else { throw WebError.invalid(nil, "The subscription is yearly already.") }
            let price = try price(isYearly: true)
            let current = try await called { stripe throws(StripeClient.Failure) in
                try await stripe.get("/v1/subscriptions/\(state.subscription)")
            }
            guard let item = current["items"]?["data"]?.elements?.first?["id"]?.text else {
                throw WebError(502, "Stripe gave no item of the subscription.")
            }
            form = [
                ("items[0][id]", item), ("items[0][price]", price), ("proration_behavior", "create_prorations"),
            ]
        }
        let fields = form
        let changed = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.post("/v1/subscriptions/\(state.subscription)", fields, idempotencyKey: nil)
        }
        try await observe(changed.value, at: changed.date, of: state.subscription)
        try await settleSubscriptions()
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
