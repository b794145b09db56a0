internal import Ledger
internal import Logging
internal import Web

/// Does what follows from what Stripe said, for as long as it runs. Any number may run at once, in any number of processes.
public struct BillingWorker: Sendable {
    private let billing: Billing

    public init(_ billing: Billing) { self.billing = billing }

    /// Runs until cancelled.
    public func run() async {
        let every: [(name: String, pause: Duration, body: @Sendable () async throws(WebError) -> Void)] = [
            (
                "what Stripe said could not be booked", .milliseconds(200),
                { () async throws(WebError) in
                    try await billing.settlePayments()
                    try await billing.settleSubscriptions()
                }
            ),
            (
                "automatic top-ups were not looked at", .seconds(5),
                { () async throws(WebError) in
                    try await billing.topUpAutomatically()
                }
            ),
            (
                "open charges were not asked about", .seconds(30),
                { () async throws(WebError) in
                    try await billing.resumeCharges()
                }
            ),
            (
                "grants did not expire", .seconds(5),
                { () async throws(WebError) in
                    try await billing.expireGrants()
                }
            ),
            (
                "referrals were not granted", .seconds(15),
                { () async throws(WebError) in
                    try await billing.grantReferrals()
                }
            ),
            (
                "subscriptions of deleted organizations were not ended", .seconds(15),
                { () async throws(WebError) in
                    try await billing.endSubscriptionsOfDeleted()
                }
            ),
            ("Stripe's fees were not recorded", .seconds(15), { () async throws(WebError) in try await billing.recordFees() }),
        ]
        await withTaskGroup(of: Void.self) { group in
            for task in every {
                group.addTask { await repeated(task.name, every: task.pause, task.body) }
            }
            if billing.stripe != nil { group.addTask { await recover() } }
        }
    }

    private func repeated(
        _ failure: String, every pause: Duration, _ body: @Sendable () async throws(WebError) -> Void
    ) async {
        var wait = pause
        while !Task.isCancelled {
            do {
                try await body()
                wait = pause
            } catch {
                // The read models of a new installation are made a moment later; else something is away, and comes back.
                billing.logger.debug("\(failure)", metadata: ["error": "\(error.message)"])
                wait = min(max(wait * 2, .seconds(1)), .seconds(30))
            }
            try? await Task.sleep(for: wait)
        }
    }

    /// All of the last days at the start, after that what is new.
    private func recover() async {
        var isFirst = true
        while !Task.isCancelled {
            var pause = Duration.seconds(30)
            do throws(WebError) {
                let since = Timestamp.now.microseconds / 1_000_000 - 3 * 86_400
                let recovered = try await billing.recoverWebhooks(since: since, stopsAtKnown: !isFirst)
                if recovered > 0 {
                    billing.logger.notice("fetched events that Stripe had not delivered", metadata: ["events": "\(recovered)"])
                }
                isFirst = false
            } catch {
                if isFirst { pause = .seconds(5) }
                billing.logger.warning("Stripe's events could not be fetched", metadata: ["error": "\(error.message)"])
            }
            try? await Task.sleep(for: pause)
        }
    }
}
