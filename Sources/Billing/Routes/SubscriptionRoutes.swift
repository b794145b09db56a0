internal import Hummingbird
internal import Ledger
internal import Web

extension BillingRoutes {
    private enum Cycle: String, Decodable, Sendable { case monthly, yearly }

    private struct NewSubscription: Decodable, Sendable {
        let billingCycle: Cycle?
        let organizationId: String?
    }

    func addSubscriptions(to router: Router<WebContext>) {
        router.post("/subscriptions/create-pro-subscription") { request, context in
            let bytes = try await WebBody.bytes(of: request)
            let body = bytes.isEmpty ? nil : try WebBody.decode(NewSubscription.self, from: bytes)
            let asked = try await asked(request, context, organization: body?.organizationId)
            guard asked.isFree else { throw WebError.invalid(nil, "The organization has a plan already.") }
            let url = try await billing.startSubscription(
                isYearly: body?.billingCycle == .yearly, for: asked.organization, by: asked.caller)
            return Response.json(["checkoutUrl": .string(url)])
        }
        for (path, change) in Self.changes {
            router.post(path) { request, context in
                let asked = try await asked(request, context, organization: try await Self.named(request))
                try await billing.change(subscriptionOf: asked.organization, change)
                return Response.json(["success": true])
            }
        }
        router.get("/subscriptions/status") { request, context in
            let asked = try await asked(
                request, context, organization: request.parameter("organizationId"), isOwnersAlone: false)
            let now = Timestamp.now.microseconds / 1_000_000
            let state = try await billing.subscriptions(of: asked.organization).first
            let plan = try await billing.plan(of: asked.organization)
            return Response.json(Self.status(state, plan: plan, now: now))
        }
        // Whoever has paid is led here where UI_URL names no other server.
        router.get(RouterPath(Billing.returnPath)) { request, _ in
            let isPaid = request.parameter("success") == "true"
            let outcome =
                isPaid ? "Thank you. The plan begins when Stripe has told of it, within a minute." : "Nothing was bought."
            return WebPage("Subscription", [outcome]).response()
        }
    }

    private static let changes: [(RouterPath, Billing.SubscriptionChange)] = [
        ("/subscriptions/cancel-pro-subscription", .cancel), ("/subscriptions/resume-pro-subscription", .resume),
        ("/subscriptions/upgrade-to-yearly", .yearly),
    ]

    private static func status(_ state: SubscriptionState?, plan: String, now: Int64) -> WebValue {
        func time(_ seconds: Int64?) -> WebValue { .time(seconds.map { Timestamp(microseconds: $0 * 1_000_000) }) }
        let isTrial = state.map { $0.status == "trialing" && ($0.trialEnd ?? 0) > now } ?? false
        return [
            "plan": .string(plan), "subscriptionId": .string(optional: state?.subscription),
            "planExpiresAt": time(state?.periodEnd), "subscriptionCancelled": .bool(state?.cancels ?? false),
            "billingCycle": .string(optional: state?.cycle), "isTrialActive": .bool(isTrial),
            "trialStartDate": time(state?.trialStart), "trialEndDate": time(state?.trialEnd),
        ]
    }
}
