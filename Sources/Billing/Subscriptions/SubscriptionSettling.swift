internal import Ledger
internal import Logging
internal import Money
internal import Postgres
internal import Web

extension Billing {
    /// Appends what the ledger lacks of subscriptions and of their bills.
    ///
    /// - Returns: How many of them something was appended for.
    @discardableResult
    func settleSubscriptions() async throws(WebError) -> Int {
        let said = try await dueSubscriptions()
        // What was said in one second has no order: Stripe knows what is so now.
        let unasked = stripe == nil ? [] : said.filter { !$0.isAsked }
        for state in unasked { await ask(about: state) }
        let due = unasked.isEmpty ? said : try await dueSubscriptions()
        var last: Int64 = 0
        var settled = 0
        for state in due {
            guard let position = try await settle(state) else { continue }
            last = max(last, position)
            settled += 1
        }
        if last > 0 { await wait(for: last) }
        return try await settled + settleBills()
    }

    private func dueSubscriptions() async throws(WebError) -> [SubscriptionState] {
        try await rows(
            SubscriptionState.columns + " WHERE s.due ORDER BY s.subscription LIMIT 200", [], SubscriptionState.init)
    }

    /// Records what Stripe says of a subscription now. Where Stripe does not answer, what it said before holds.
    private func ask(about state: SubscriptionState) async {
        guard let stripe else { return }
        do {
            let answer = try await stripe.get("/v1/subscriptions/\(state.subscription)")
            try await observe(answer.value, at: answer.date, of: state.subscription)
        } catch {
            logger.debug("Stripe was not asked about a subscription", metadata: ["error": "\(error)"])
        }
    }

    /// The organization's subscriptions that are not over: what goes on first, and of those that do or do not what lasts longest. So
    /// the first is cancelled only if all are, and which it is does not depend on what was heard last.
    func subscriptions(of organization: OrganizationID) async throws(WebError) -> [SubscriptionState] {
        try await rows(
            SubscriptionState.columns + """
                 WHERE coalesce(s.posted_organization, s.organization, c.organization) = $1 AND NOT s.seen_over
                    AND (s.is_started OR s.status IN ('trialing', 'active', 'past_due'))
                ORDER BY s.cancels, s.period_end DESC NULLS LAST, s.subscription LIMIT 100
                """, [.uuid(organization.uuid)], SubscriptionState.init)
    }

    /// Whether an organization ever had a subscription: a trial is for those who had none.
    func hadSubscription(_ organization: OrganizationID) async throws(WebError) -> Bool {
        try await !rows(
            "SELECT 1 FROM payments.subscriptions WHERE posted_organization = $1 LIMIT 1", [.uuid(organization.uuid)],
            { _ in true }
        ).isEmpty
    }

    private func settle(_ state: SubscriptionState) async throws(WebError) -> Int64? {
        var events: [NewEvent] = []
        for (index, data) in state.due().enumerated() {
            events.append(
                try event(
                    data, .subscription(state.id), version: state.version + Int64(index), organization: state.organization))
        }
        guard !events.isEmpty else { return nil }
        // Other subscriptions of the organization count too. A plan that no subscription gives (enterprise) is nobody's to take.
        let others = try await rows(
            """
            SELECT 1 FROM payments.subscriptions
            WHERE posted_organization = $1 AND subscription <> $2 AND NOT seen_over
                AND status IN ('trialing', 'active', 'past_due') LIMIT 1
            """, [.uuid(state.organization.uuid), .uuid(state.id.uuid)], { _ in true })
        let plan = state.isLive || !others.isEmpty ? SubscriptionState.plan : SubscriptionState.noPlan
        if plan != state.plan, [SubscriptionState.plan, SubscriptionState.noPlan].contains(state.plan) {
            events.append(
                try event(
                    OrganizationUpdated(plan: plan), .organization(state.organization), version: nil,
                    organization: state.organization))
        }
        return try await append(events)
    }

    private struct Bill: Sendable {
        let bill: String
        let subscription: SubscriptionID
        let organization: OrganizationID
        let isPaid: Bool
        let amount: Int64
        let attempts: Int64
        let version: Int64
    }

    private func settleBills() async throws(WebError) -> Int {
        let due = try await rows(
            """
            SELECT b.bill, s.subscription, s.posted_organization, b.is_paid, CASE WHEN b.is_paid THEN b.paid ELSE b.owed END,
                b.attempts, s.version
            FROM payments.bills AS b JOIN payments.subscriptions AS s USING (subscription)
            WHERE b.due AND s.is_started ORDER BY b.bill LIMIT 200
            """
        ) { row in
            Bill(
                bill: try row.decode(0), subscription: SubscriptionID(uuid: try row.decode(1)),
                organization: OrganizationID(uuid: try row.decode(2)), isPaid: try row.decode(3), amount: try row.decode(4),
                attempts: try row.decode(5), version: try row.decode(6))
        }
        var settled = 0
        var last: Int64 = 0
        // Of one subscription only one at a time: the next expects the version after this one.
        var taken: Set<SubscriptionID> = []
        for bill in due where taken.insert(bill.subscription).inserted {
            guard let amount = NanoDollars(cents: bill.amount) else { continue }
            let stream = StreamName.subscription(bill.subscription)
            var events: [NewEvent] = []
            if bill.isPaid {
                events.append(
                    try event(
                        SubscriptionPaid(invoice: bill.bill, amount: amount), stream, version: bill.version,
                        organization: bill.organization))
                events.append(
                    try await invoice(
                        InvoiceIssued(
                            subscription: bill.subscription, stripeInvoice: bill.bill,
                            lines: [.init(item: "subscription", amount: amount)], total: amount),
                        for: bill.organization))
            } else {
                events.append(
                    try event(
                        SubscriptionPaymentFailed(invoice: bill.bill, amount: amount, attempts: bill.attempts), stream,
                        version: bill.version, organization: bill.organization))
            }
            guard let position = try await append(events) else { continue }
            last = max(last, position)
            settled += 1
        }
        if last > 0 { await wait(for: last) }
        return settled
    }
}
