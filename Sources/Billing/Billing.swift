public import HTTPTransport
internal import JSON
public import Ledger
public import Logging
public import Postgres
internal import Projections
internal import Web

/// Payments, subscriptions and invoices.
///
/// What Stripe says is an event before anything is made of it; a read model (`projections/payments`) folds all that was said of
/// a payment or a subscription, in whatever order it came; and what the ledger lacks of that is appended, each time expecting
/// the version of the stream that the read model knew, so that nothing is booked twice whoever does it.
public struct Billing: Sendable {
    let appender: Appender
    let postgres: PostgresClient
    let configuration: BillingConfiguration
    /// nil where no account at Stripe is set up.
    let stripe: StripeClient?
    let logger: Logger

    /// - Parameters:
    ///   - secretKey: Of the account at Stripe; nil for none.
    ///   - apiURL: Where Stripe is, without a slash at its end.
    public init(
        appender: Appender, postgres: PostgresClient, transport: HTTPTransport, secretKey: String?, apiURL: String,
        configuration: BillingConfiguration, logger: Logger
    ) {
        self.appender = appender
        self.postgres = postgres
        self.configuration = configuration
        stripe = secretKey.map { StripeClient(transport: transport, baseURL: apiURL, secretKey: $0) }
        self.logger = logger
    }

    static let away = WebError.unavailable("The database could not be reached.")

    /// - Throws: 503 where no account at Stripe is set up.
    func connected() throws(WebError) -> StripeClient {
        guard let stripe else {
            throw WebError(503, "Payments are not set up here: STRIPE_SECRET_KEY is missing.", code: "payments_not_configured")
        }
        return stripe
    }

    func rows<R: Sendable>(
        _ sql: String, _ values: [PostgresValue] = [], _ decode: (PostgresRow) throws -> R
    ) async throws(WebError) -> [R] {
        do {
            return try await postgres.query(sql, values).map(decode)
        } catch {
            logger.warning("a read model of billing could not be read", metadata: ["error": "\(error)"])
            throw Self.away
        }
    }

    /// Appends a command; nil when a stream was not at the expected version.
    ///
    /// - Parameter caller: Who asked for it, from where: what the audit trail shows. Kept first, as other changes do.
    func append(_ events: [NewEvent], by caller: Caller? = nil) async throws(WebError) -> Int64? {
        do {
            try await caller?.origin.keep(under: events.map(\.id), client: postgres)
        } catch {
            throw Self.away
        }
        do {
            let result = try await appender.append(try Command(events))
            if case .idempotencyConflict = result { return nil }
            return result.position
        } catch {
            throw WebError.unavailable("The ledger could not be reached.")
        }
    }

    func event(
        _ data: some EventData, _ stream: StreamName, version: Int64?, organization: OrganizationID?, id: EventID? = nil,
        by caller: Caller? = nil
    ) throws(WebError) -> NewEvent {
        do {
            return try NewEvent(
                data, id: id, stream: stream, expectedVersion: version, organization: organization,
                metadata: caller?.metadata ?? EventMetadata(source: "billing"), occurredAt: .now)
        } catch {
            throw WebError.invalid(nil, "The change can't be recorded: \(error)")
        }
    }

    /// Whether the read models that people and the gateway look at have come that far.
    @discardableResult
    func wait(for position: Int64, in projections: [String] = ["payments"]) async -> Bool {
        for projection in projections {
            let isThere = try? await waitUntil(
                projection: projection, position: position, deadline: .seconds(2), client: postgres)
            guard isThere == true else { return false }
        }
        return true
    }

    /// Records what an answer of Stripe's says, as if a webhook had brought it.
    ///
    /// - Parameter date: When Stripe said so, seconds since 1970.
    func observe(_ object: JSONValue, at date: Int64, of name: String) async throws(WebError) {
        let stream = StreamName.stripe(EventID(foreign: "stripe-object", name))
        let said = StripeObjectRetrieved(created: date, facts: StripeObjects.facts(of: object))
        guard let position = try await append([event(said, stream, version: nil, organization: nil)]) else { return }
        await wait(for: position)
    }
}
