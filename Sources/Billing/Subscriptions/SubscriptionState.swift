internal import Ledger
internal import Postgres

import struct FoundationEssentials.UUID

/// A subscription as the read model has it: the newest that Stripe said, and what was made of it.
struct SubscriptionState: Sendable, Hashable {
    var id: SubscriptionID
    /// Stripe's id.
    var subscription: String
    var organization: OrganizationID
    var isOver: Bool
    var status: String
    var cycle: String?
    /// Seconds since 1970.
    var periodEnd: Int64?
    var trialStart: Int64?
    var trialEnd: Int64?
    var cancels: Bool
    var isStarted: Bool
    var isCancelled: Bool
    var isEnded: Bool
    var postedCycle: String?
    var postedPeriodEnd: Int64?
    var version: Int64
    /// The plan that the organization has now.
    var plan: String
    /// Whether the newest was an answer to a question, and not just a webhook.
    var isAsked: Bool

    /// Whether it gives the plan: while Stripe tries to collect a bill, it still does.
    var isLive: Bool { !isOver && Self.isLive(status) }

    /// Whether Stripe's status gives the plan.
    static func isLive(_ status: String) -> Bool { ["trialing", "active", "past_due"].contains(status) }

    /// The events that its stream lacks.
    func due() -> [any EventData] {
        guard !isEnded else { return [] }
        var events: [any EventData] = []
        if !isStarted {
            guard isLive else { return [] }
            events.append(
                SubscriptionStarted(subscription: subscription, plan: Self.plan, cycle: cycle, trialEnd: trialEnd))
        } else if let cycle, cycle != postedCycle {
            events.append(SubscriptionChanged(cycle: cycle))
        }
        if let periodEnd, periodEnd > postedPeriodEnd ?? 0 { events.append(SubscriptionRenewed(periodEnd: periodEnd)) }
        if isOver {
            events.append(SubscriptionEnded())
        } else if cancels, !isCancelled {
            events.append(SubscriptionCancelled(periodEnd: periodEnd))
        } else if !cancels, isCancelled {
            events.append(SubscriptionResumed())
        }
        return events
    }

    /// The plan that a subscription gives, and the one that is left without.
    static let plan = "pro"
    static let noPlan = "free"
}

extension SubscriptionState {
    /// What ``init(_:)`` reads, of `payments.subscriptions AS s`.
    static let columns = """
        SELECT s.subscription, s.stripe_subscription, coalesce(s.posted_organization, s.organization, c.organization), s.seen_over,
            s.status, s.cycle, s.period_end, s.trial_start, s.trial_end, s.cancels, s.is_started, s.is_cancelled, s.is_ended,
            s.posted_cycle, s.posted_period_end, s.version, o.plan,
            s.seen_rank >= 1000
        FROM payments.subscriptions AS s
        LEFT JOIN payments.customers AS c ON c.customer = s.customer
        JOIN organizations.organizations AS o ON o.organization = coalesce(s.posted_organization, s.organization, c.organization)
        """

    init(_ row: PostgresRow) throws {
        id = SubscriptionID(uuid: try row.decode(0))
        subscription = try row.decode(1)
        organization = OrganizationID(uuid: try row.decode(2))
        isOver = try row.decode(3)
        status = try row.decode(4)
        cycle = try row.decode(5)
        periodEnd = try row.decode(6)
        trialStart = try row.decode(7)
        trialEnd = try row.decode(8)
        cancels = try row.decode(9)
        isStarted = try row.decode(10)
        isCancelled = try row.decode(11)
        isEnded = try row.decode(12)
        postedCycle = try row.decode(13)
        postedPeriodEnd = try row.decode(14)
        version = try row.decode(15)
        plan = try row.decode(16)
        isAsked = try row.decode(17)
    }
}
