internal import JSON
internal import Ledger
internal import Logging
internal import Postgres
internal import Web

extension Billing {
    /// Keeps what a webhook says: verified first, then an event, then nothing more. What follows from it is made of the event.
    ///
    /// - Returns: Whether it was new.
    /// - Throws: 400 for a signature that is missing, old or wrong and for what is no event of Stripe's; 503 when it could not be
    ///   kept, and Stripe delivers it again.
    @discardableResult
    func receive(webhook body: [UInt8], signature: String?) async throws(WebError) -> Bool {
        guard !configuration.webhookSecrets.isEmpty else {
            throw WebError(
                503, "Webhooks are not set up here: STRIPE_WEBHOOK_SECRET is missing.", code: "payments_not_configured")
        }
        guard let signature else { throw WebError.invalid("stripe-signature", "The header Stripe-Signature is missing.") }
        do throws(StripeSignature.Refusal) {
            try StripeSignature(header: signature).check(
                body: body, secrets: configuration.webhookSecrets, now: Timestamp.now.microseconds / 1_000_000)
        } catch {
            switch error {
            case .malformed: throw WebError.invalid("stripe-signature", "The header Stripe-Signature is malformed.")
            case .stale: throw WebError.invalid("stripe-signature", "The signature's time is too far from now.")
            case .wrong: throw WebError.invalid("stripe-signature", "The signature is not right.")
            }
        }
        guard let value = try? JSONValue(body, maximumDepth: 64) else {
            throw WebError.invalid(nil, "The body is not valid JSON.")
        }
        return try await keep(event: value, body: body)
    }

    /// Keeps an event of Stripe's once, however often it comes.
    private func keep(event value: JSONValue, body: [UInt8]) async throws(WebError) -> Bool {
        guard let id = value["id"]?.text, (1...255).contains(id.utf8.count) else {
            throw WebError.invalid("id", "id is required.")
        }
        guard let type = value["type"]?.text, (1...255).contains(type.utf8.count) else {
            throw WebError.invalid("type", "type is required.")
        }
        guard let created = value["created"]?.int64 else { throw WebError.invalid("created", "created is required.") }
        let object = value["data"]?["object"] ?? .null
        let sealed = PayloadStore.seal(body)
        let name = EventID(foreign: "stripe", id)
        let facts = StripeObjects.facts(of: object)
        let received = try event(
            StripeWebhookReceived(event: id, kind: type, created: created, digest: sealed.digestText, facts: facts),
            .stripe(name), version: 0, organization: nil, id: name)
        do {
            // Whatever came with the same id before, is the event that was kept.
            guard case .appended = try await appender.append(Command(received)) else { return false }
        } catch {
            throw WebError.unavailable("The ledger could not be reached.")
        }
        do {
            try await PayloadStore(postgres).put(
                request: Ledger.RequestID(uuid: name.uuid), kind: "webhook", body: body, sealed: sealed)
        } catch {
            // The event has what is needed of it.
            logger.warning("the body of a webhook was not kept", metadata: ["event": "\(id)", "error": "\(error)"])
        }
        if let payer = facts.payment?.organization, (try? await isHere(payer)) == false {
            logger.warning(
                "a payment of an organization that is not here is kept and not booked",
                metadata: ["event": "\(id)", "organization": "\(payer)"])
        }
        return true
    }

    /// Fetches the events that Stripe could not deliver.
    ///
    /// - Parameters:
    ///   - since: Seconds since 1970; Stripe keeps events for 30 days.
    ///   - stopsAtKnown: Ends at a page of which everything is known: Stripe lists the newest first.
    /// - Returns: How many were new.
    func recoverWebhooks(since: Int64, stopsAtKnown: Bool) async throws(WebError) -> Int {
        let stripe = try connected()
        var recovered = 0
        var after: String?
        repeat {
            var query = [("limit", "100"), ("created[gte]", String(since))]
            if let after { query.append(("starting_after", after)) }
            let page: StripeAnswer
            do {
                page = try await stripe.get("/v1/events", query)
            } catch {
                throw WebError.unavailable("\(error)")
            }
            let events = page["data"]?.elements ?? []
            let ids = events.compactMap { $0["id"]?.text }
            let known = try await knownEvents(ids)
            for value in events {
                guard let id = value["id"]?.text, !known.contains(id) else { continue }
                if try await keep(event: value, body: value.bytes) { recovered += 1 }
            }
            if stopsAtKnown, ids.allSatisfy(known.contains) { break }
            after = page["has_more"]?.flag == true ? ids.last : nil
        } while after != nil && !Task.isCancelled
        return recovered
    }

    private func knownEvents(_ ids: [String]) async throws(WebError) -> Set<String> {
        let names = Dictionary(ids.map { (EventID(foreign: "stripe", $0), $0) }, uniquingKeysWith: { first, _ in first })
        let found = try await rows(
            "SELECT id FROM ledger.events WHERE stream_kind <> 'request' AND id = ANY ($1)",
            [.uuidArray(names.keys.map(\.uuid))]
        ) { EventID(uuid: try $0.decode(0)) }
        return Set(found.compactMap { names[$0] })
    }
}
