internal import JSON
internal import Ledger
internal import Postgres
internal import Web

/// A card that Stripe keeps for an organization.
struct Card: Sendable {
    /// Stripe's id.
    let id: String
    let type: String
    let brand: String?
    let lastDigits: String?
    let country: String?
    let expiryMonth: Int64?
    let expiryYear: Int64?
    /// Seconds since 1970.
    let created: Int64

    init?(_ value: JSONValue) {
        guard let id = value["id"]?.text else { return nil }
        self.id = id
        type = value["type"]?.text ?? "card"
        let card = value["card"]
        brand = card?["brand"]?.text
        lastDigits = card?["last4"]?.text
        country = card?["country"]?.text
        expiryMonth = card?["exp_month"]?.int64
        expiryYear = card?["exp_year"]?.int64
        created = value["created"]?.int64 ?? 0
    }
}

/// Cards live at Stripe and nowhere else, so that what is shown is what is there.
extension Billing {
    /// Stripe's customer of an organization; nil when it has none yet.
    func customer(of organization: OrganizationID) async throws(WebError) -> String? {
        try await rows(
            "SELECT customer FROM payments.customers WHERE organization = $1 AND customer IS NOT NULL",
            [.uuid(organization.uuid)], { try $0.decode(0, as: String.self) }
        ).first
    }

    /// Stripe's customer of an organization, made when there is none.
    func madeCustomer(of organization: OrganizationID, by caller: Caller) async throws(WebError) -> String {
        if let customer = try await customer(of: organization) { return customer }
        let made = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.post(
                "/v1/customers", [("metadata[organizationId]", organization.description)],
                idempotencyKey: "customer-\(organization)")
        }
        guard let id = made["id"]?.text else { throw WebError(502, "Stripe gave no customer.") }
        let event = try event(
            CustomerCreated(customer: id), .customer(organization), version: 0, organization: organization, by: caller)
        if let position = try await append([event], by: caller) { await wait(for: position) }
        // Of two at the same moment the first one counts, for both.
        return try await customer(of: organization) ?? id
    }

    /// The cards of an organization, the default one first.
    func cards(of organization: OrganizationID) async throws(WebError) -> [Card] {
        guard let customer = try await customer(of: organization) else { return [] }
        let stripe = try connected()
        do {
            async let list = stripe.get("/v1/payment_methods", [("customer", customer), ("type", "card"), ("limit", "100")])
            async let owner = stripe.get("/v1/customers/\(customer)")
            let (found, settings) = try await (list, owner)
            let chosen = settings["invoice_settings"]?["default_payment_method"]
            let standard = chosen?.text ?? chosen?["id"]?.text
            let cards = (found["data"]?.elements ?? []).compactMap(Card.init)
            // The first that was saved is the default until another is chosen.
            return cards.sorted { left, right in
                (left.id == standard ? 0 : 1, left.created, left.id) < (right.id == standard ? 0 : 1, right.created, right.id)
            }
        } catch let error as StripeClient.Failure {
            throw Self.refused(error)
        } catch {
            throw WebError.unavailable("Stripe could not be reached.")
        }
    }

    /// One of the organization's cards.
    ///
    /// - Throws: 404 for a card of anybody else.
    func card(_ id: String, of organization: OrganizationID) async throws(WebError) -> Card {
        guard let card = try await cards(of: organization).first(where: { $0.id == id }) else {
            throw WebError.notFound("There is no such payment method.")
        }
        return card
    }

    /// What a person is told about a refusal of Stripe's.
    static func refused(_ failure: StripeClient.Failure) -> WebError {
        guard let status = failure.status, (400..<500).contains(status), status != 401, status != 403, status != 429 else {
            return WebError.unavailable("Stripe could not be reached; try again shortly.", retryAfter: 5)
        }
        return WebError(status == 404 ? 404 : 400, "Stripe: \(failure.message)", code: failure.code ?? "payment_refused")
    }
}

extension Billing {
    /// Begins saving a card in a browser.
    ///
    /// - Returns: The secret with which the browser talks to Stripe about it.
    func startSavingCard(for organization: OrganizationID, by caller: Caller) async throws(WebError) -> String {
        let customer = try await madeCustomer(of: organization, by: caller)
        let intent = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.post(
                "/v1/setup_intents",
                [
                    ("customer", customer), ("usage", "off_session"), ("payment_method_types[]", "card"),
                    ("metadata[organizationId]", organization.description),
                ], idempotencyKey: nil)
        }
        guard let secret = intent["client_secret"]?.text else { throw WebError(502, "Stripe gave no secret.") }
        return secret
    }

    func makeDefault(_ card: Card, of organization: OrganizationID) async throws(WebError) {
        guard let customer = try await customer(of: organization) else { return }
        _ = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.post(
                "/v1/customers/\(customer)", [("invoice_settings[default_payment_method]", card.id)], idempotencyKey: nil)
        }
    }

    func remove(_ card: Card) async throws(WebError) {
        _ = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.post("/v1/payment_methods/\(card.id)/detach", idempotencyKey: nil)
        }
    }

    /// Calls Stripe for a person, who is told of a refusal.
    func called(
        _ body: (StripeClient) async throws(StripeClient.Failure) -> StripeAnswer
    ) async throws(WebError) -> StripeAnswer {
        let stripe = try connected()
        do {
            return try await body(stripe)
        } catch {
            throw Self.refused(error)
        }
    }
}
