import Foundation
import JSON
import Ledger
import Testing

@testable import Billing

/// Webhooks as Stripe sends them, of one payment and one subscription of an organization. The objects have the fields that
/// Stripe's API reference (version 2024-06-20) names, as far as anything is made of them.
struct StripeSamples {
    let organization: OrganizationID
    /// Makes ids of Stripe's that are nobody else's.
    let name: String

    init(_ organization: OrganizationID) {
        self.organization = organization
        name = organization.description.replacingOccurrences(of: "org_", with: "")
    }

    private func event(_ id: Int, _ type: String, created: Int, _ object: String) -> String {
        """
        {"id":"evt_\(name)\(id)","object":"event","api_version":"2024-06-20","created":\(created),"livemode":false,
        "type":"\(type)","data":{"object":\(object)}}
        """
    }

    private var metadata: String { #"{"organizationId":"\#(organization)","baseAmount":"100"}"# }

    private func intent(_ status: String, charge: Bool) -> String {
        """
        {"id":"pi_\(name)","object":"payment_intent","amount":10500,"amount_received":\(status == "succeeded" ? 10500 : 0),
        "currency":"usd","status":"\(status)","metadata":\(metadata),"latest_charge":\(charge ? "\"ch_\(name)\"" : "null"),
        "last_payment_error":\(status == "requires_payment_method" ? #"{"code":"card_declined"}"# : "null")}
        """
    }

    private func charge(refunded: Int, status: String = "succeeded") -> String {
        """
        {"id":"ch_\(name)","object":"charge","payment_intent":"pi_\(name)","amount":10500,"amount_captured":10500,
        "amount_refunded":\(refunded),"captured":true,"currency":"usd","status":"\(status)","metadata":\(metadata),
        "failure_code":\(status == "failed" ? "\"card_declined\"" : "null"),"balance_transaction":"txn_\(name)"}
        """
    }

    private func dispute(_ status: String) -> String {
        """
        {"id":"dp_\(name)","object":"dispute","charge":"ch_\(name)","payment_intent":"pi_\(name)","amount":4200,
        "currency":"usd","status":"\(status)","reason":"fraudulent"}
        """
    }

    private func subscription(_ status: String, cancels: Bool = false, periodEnd: Int, ended: Bool = false) -> String {
        """
        {"id":"sub_\(name)","object":"subscription","customer":"cus_\(name)","status":"\(status)",
        "metadata":{"organizationId":"\(organization)"},"cancel_at_period_end":\(cancels),
        "canceled_at":\(cancels ? "1764500000" : "null"),"ended_at":\(ended ? "1764600000" : "null"),
        "current_period_end":\(periodEnd),"trial_start":1764000000,"trial_end":1764300000,
        "items":{"object":"list","data":[{"id":"si_1","price":{"id":"price_1","recurring":{"interval":"month"}}}]}}
        """
    }

    private func invoice(paid: Bool, attempts: Int) -> String {
        """
        {"id":"in_\(name)","object":"invoice","subscription":"sub_\(name)","customer":"cus_\(name)","currency":"usd",
        "status":"\(paid ? "paid" : "open")","amount_paid":\(paid ? 5000 : 0),"amount_due":5000,"attempt_count":\(attempts)}
        """
    }

    /// A payment that fails first, then succeeds, is paid back in two steps, and of which a part is disputed and lost.
    var payment: [String] {
        [
            event(1, "payment_intent.payment_failed", created: 100, intent("requires_payment_method", charge: false)),
            event(2, "payment_intent.succeeded", created: 101, intent("succeeded", charge: true)),
            event(3, "charge.refunded", created: 102, charge(refunded: 2100)),
            event(4, "charge.dispute.created", created: 103, dispute("needs_response")),
            event(5, "charge.dispute.closed", created: 104, dispute("lost")),
        ]
    }

    /// A payment of which a part is disputed, and how that was decided: `won` or `lost`.
    func disputed(_ decision: String) -> [String] {
        [
            event(2, "payment_intent.succeeded", created: 101, intent("succeeded", charge: true)),
            event(4, "charge.dispute.created", created: 103, dispute("needs_response")),
            event(8, "charge.dispute.closed", created: 104, dispute(decision)),
        ]
    }

    var subscription: [String] {
        [
            event(11, "customer.subscription.created", created: 200, subscription("trialing", periodEnd: 1_764_300_000)),
            event(12, "customer.subscription.updated", created: 201, subscription("active", periodEnd: 1_766_900_000)),
            event(13, "invoice.payment_failed", created: 202, invoice(paid: false, attempts: 1)),
            event(14, "invoice.payment_succeeded", created: 203, invoice(paid: true, attempts: 2)),
            event(
                15, "customer.subscription.updated", created: 204,
                subscription("active", cancels: true, periodEnd: 1_766_900_000)),
        ]
    }

    /// Both, with what is of no importance and a further refund.
    var everything: [String] {
        payment + subscription + [
            event(6, "charge.succeeded", created: 101, charge(refunded: 0)),
            event(7, "charge.refunded", created: 105, charge(refunded: 4200)),
            event(16, "customer.subscription.trial_will_end", created: 201, subscription("trialing", periodEnd: 1_764_300_000)),
            event(
                20, "radar.early_fraud_warning.created", created: 300, #"{"id":"issfr_1","object":"radar.early_fraud_warning"}"#),
        ]
    }

    /// The event that is kept of a webhook.
    ///
    /// - Parameters:
    ///   - said: Makes of the webhook's own time when Stripe says that it happened, seconds since 1970.
    ///   - delay: How long after that it came, microseconds; nil is now.
    static func kept(_ body: String, said: (Int64) -> Int64 = { $0 }, after delay: Int64? = nil) throws -> NewEvent {
        let value = try JSONValue(Array(body.utf8))
        let id = try #require(value["id"]?.text)
        let name = EventID(foreign: "stripe", id)
        let created = said(try #require(value["created"]?.int64))
        return try NewEvent(
            StripeWebhookReceived(
                event: id, kind: try #require(value["type"]?.text), created: created, digest: String(repeating: "0", count: 64),
                facts: StripeObjects.facts(of: try #require(value["data"]?["object"]))),
            id: name, stream: .stripe(name), expectedVersion: 0, organization: nil,
            occurredAt: delay.map { Timestamp(microseconds: created * 1_000_000 + $0) } ?? .now)
    }
}
