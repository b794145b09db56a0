internal import Hummingbird
internal import Ledger
internal import Money
internal import Web

extension BillingRoutes {
    private struct Purchase: Decodable, Sendable {
        let amount: WholeNumber
        let paymentMethodId: String?
        let organizationId: String?
    }

    private struct Choice: Decodable, Sendable {
        let paymentMethodId: String
        let organizationId: String?
    }

    private struct Named: Decodable, Sendable { let organizationId: String? }

    func addPayments(to router: Router<WebContext>) {
        router.get("/v1/config") { _, _ in
            Response.json(["stripePublishableKey": .string(optional: billing.configuration.publishableKey)])
        }
        router.post("/payments/create-payment-intent") { request, context in
            let key = try IdempotencyKey(of: request)
            let (asked, body) = try await purchase(request, context)
            let customer = try await billing.madeCustomer(of: asked.organization, by: asked.caller)
            let quote = try await quote(body, card: nil, asked)
            let secret = try await billing.startCheckout(
                quote, key: key, for: asked.organization, customer: customer, by: asked.caller)
            return Response.json(["clientSecret": .string(secret)])
        }
        router.post("/payments/create-setup-intent") { request, context in
            let body = try await Self.named(request)
            let asked = try await asked(request, context, organization: body)
            return Response.json([
                "clientSecret": .string(try await billing.startSavingCard(for: asked.organization, by: asked.caller))
            ])
        }
        router.get("/payments/payment-methods") { request, context in
            let asked = try await asked(request, context, organization: request.parameter("organizationId"))
            let cards = try await billing.cards(of: asked.organization)
            return Response.json([
                "paymentMethods": .array(cards.enumerated().map { $1.json(isDefault: $0 == 0) })
            ])
        }
        router.post("/payments/payment-methods/default") { request, context in
            let body = try await WebBody.read(Choice.self, from: request)
            let asked = try await asked(request, context, organization: body.organizationId)
            let card = try await billing.card(body.paymentMethodId, of: asked.organization)
            try await billing.makeDefault(card, of: asked.organization)
            return Response.json(["success": true])
        }
        router.delete("/payments/payment-methods/:id") { request, context in
            let asked = try await asked(request, context, organization: request.parameter("organizationId"))
            try await billing.remove(try await billing.card(context.part("id"), of: asked.organization))
            return Response.json(["success": true])
        }
        router.post("/payments/top-up-with-saved-method") { request, context in
            let key = try IdempotencyKey(of: request)
            let (asked, body) = try await purchase(request, context)
            guard let method = body.paymentMethodId else {
                throw WebError.invalid("paymentMethodId", "paymentMethodId is required.")
            }
            if let key,
                try await billing.isPaid(under: key, dollars: body.amount.value, with: method, by: asked.organization)
            {
                return Response.json(["success": true])
            }
            let card = try await billing.card(method, of: asked.organization)
            try await billing.pay(
                try await quote(body, card: card, asked), with: card, key: key, for: asked.organization, by: asked.caller)
            return Response.json(["success": true])
        }
        router.post("/payments/calculate-fees") { request, context in
            let (asked, body) = try await purchase(request, context)
            var card: Card?
            if let method = body.paymentMethodId { card = try await billing.card(method, of: asked.organization) }
            let quote = try await quote(body, card: card, asked)
            return Response.json(quote.json(isBonusEnabled: billing.configuration.firstPurchase > .one))
        }
    }

    private func purchase(_ request: Request, _ context: WebContext) async throws(WebError) -> (Asked, Purchase) {
        let body = try await WebBody.read(Purchase.self, from: request)
        let asked = try await asked(request, context, organization: body.organizationId)
        guard Billing.amounts.contains(body.amount.value) else {
            throw WebError.invalid(
                "amount", "amount must be \(Billing.amounts.lowerBound) to \(Billing.amounts.upperBound) whole dollars.")
        }
        return (asked, body)
    }

    private func quote(_ body: Purchase, card: Card?, _ asked: Asked) async throws(WebError) -> Billing.Quote {
        let person = try await sessions.people([asked.caller.user])[asked.caller.user]
        return try await billing.quote(
            dollars: body.amount.value, for: asked.organization, card: card, isFree: asked.isFree,
            isVerified: person?.isEmailVerified ?? false)
    }

    /// The organization of a body that may be left out.
    static func named(_ request: Request) async throws(WebError) -> String? {
        let bytes = try await WebBody.bytes(of: request)
        return bytes.isEmpty ? nil : try WebBody.decode(Named.self, from: bytes).organizationId
    }
}

extension Card {
    func json(isDefault: Bool) -> WebValue {
        [
            "id": .string(id), "stripePaymentMethodId": .string(id), "type": .string(type), "isDefault": .bool(isDefault),
            "cardBrand": .string(optional: brand), "cardLast4": .string(optional: lastDigits),
            "expiryMonth": .integer(optional: expiryMonth), "expiryYear": .integer(optional: expiryYear),
        ]
    }
}

extension Billing.Quote {
    func json(isBonusEnabled: Bool) -> WebValue {
        [
            "baseAmount": .amount(amount), "stripeFee": .amount(fee.processing), "internationalFee": .amount(fee.international),
            "planFee": .amount(fee.platform), "totalFees": .amount(fee.total), "totalAmount": .amount(total),
            "bonusAmount": bonus > .zero ? .amount(bonus) : .null,
            "finalCreditAmount": bonus > .zero ? .amount(NanoDollars(amount.rawValue + bonus.rawValue)) : .null,
            "bonusEnabled": .bool(isBonusEnabled), "bonusEligible": .bool(bonus > .zero),
            "bonusIneligibilityReason": .string(optional: ineligibility?.rawValue),
        ]
    }
}
