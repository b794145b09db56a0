internal import JSON
internal import Ledger
internal import Money
internal import Postgres
internal import Web

import struct FoundationEssentials.UUID

/// An invoice with the texts that lie beside the ledger.
struct InvoiceRecord: Sendable {
    let number: Int64
    let payment: PaymentID?
    let subscription: SubscriptionID?
    let lines: [InvoiceIssued.Line]
    let total: NanoDollars
    let issuedAt: Timestamp
    /// seller, name, billingCompany, billingAddress, billingTaxId, billingEmail; none when they were forgotten.
    let texts: [String: String]

    /// `INV-000123`
    var name: String {
        let digits = String(number)
        return "INV-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// What it is for, as the ledger names it.
    var reference: String { payment?.description ?? subscription?.description ?? "" }

    var json: WebValue {
        [
            "number": .integer(number), "name": .string(name), "issuedAt": .time(issuedAt), "paymentId": .id(payment),
            "subscriptionId": .id(subscription),
            "lines": .array(lines.map { ["item": .string($0.item), "amount": .amount($0.amount)] }), "total": .amount(total),
            "currency": "USD",
        ]
    }
}

extension Billing {
    /// Invoices of an organization, the newest first.
    ///
    /// - Parameters:
    ///   - before: Only those of lower numbers.
    ///   - number: Only this one.
    func invoices(
        of organization: OrganizationID, before: Int64 = .max, number: Int64? = nil, limit: Int64
    ) async throws(WebError) -> [InvoiceRecord] {
        try await rows(
            """
            SELECT i.number, i.payment, i.subscription, i.lines, i.total, i.issued_at, t.body
            FROM payments.invoices AS i LEFT JOIN management.texts AS t ON t.event = i.event
            WHERE i.organization = $1 AND i.number < $2 AND ($3::bigint IS NULL OR i.number = $3)
            ORDER BY i.number DESC LIMIT $4
            """, [.uuid(organization.uuid), .int8(before), number.map { .int8($0) } ?? .null, .int8(limit)]
        ) { row in
            let payment: UUID? = try row.decode(1)
            let subscription: UUID? = try row.decode(2)
            let lines = try JSONValue(try row.decode(3, as: [UInt8].self)).elements ?? []
            let issued: PostgresTimestamp = try row.decode(5)
            return InvoiceRecord(
                number: try row.decode(0), payment: payment.map { PaymentID(uuid: $0) },
                subscription: subscription.map { SubscriptionID(uuid: $0) },
                lines: lines.compactMap { line in
                    guard let item = line["item"]?.text, let amount = line["amount"]?.int64 else { return nil }
                    return InvoiceIssued.Line(item: item, amount: NanoDollars(amount))
                }, total: NanoDollars(try row.decode(4, as: Int64.self)),
                issuedAt: Timestamp(microseconds: issued.microseconds), texts: try Self.texts(row, 6))
        }
    }
}
