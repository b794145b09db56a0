internal import Admission
internal import Dialects
internal import HTTPTypes
internal import Hummingbird
internal import Ledger
internal import Logging
internal import Money
internal import NIOCore

/// `GET /v1/key` and `GET /v1/credits`: what whoever holds an API key may know of it without being signed in: what it and its
/// organization may still spend. They say what the read models have, a moment behind what admission counts, and as of when.
struct QuotaRoutes: Sendable {
    let gateway: Gateway

    func add(to router: Router<GatewayRequestContext>) {
        router.get("/v1/key") { request, context in try await answer(request, context) { $0.keyJSON(at: .now) } }
        router.get("/v1/credits") { request, context in try await answer(request, context) { $0.creditsJSON } }
    }

    private func answer(
        _ request: Request, _ context: GatewayRequestContext, _ body: @Sendable (KeyQuota) -> [UInt8]
    ) async throws(GatewayError) -> Response {
        let quota = try await quota(of: try IncomingRequest(head: request, channel: context.channel)).quota
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: body(quota))))
    }

    /// Whose key it is that asks for something that costs nothing.
    ///
    /// - Throws: what a request with a key that may not be used, or not from there, would be told.
    func active(_ incoming: IncomingRequest) async throws(GatewayError) -> KeyAddress {
        try await quota(of: incoming).address
    }

    private func quota(of incoming: IncomingRequest) async throws(GatewayError) -> (address: KeyAddress, quota: KeyQuota) {
        let address = try await AuthenticateStep(gateway: gateway).authenticate(incoming)
        let quota: KeyQuota?
        do {
            quota = try await KeyQuota.read(address.key, digest: incoming.tokenDigest, from: gateway.postgres)
        } catch {
            gateway.logger.warning("a key's quota could not be read", metadata: ["error": "\(error)"])
            throw GatewayError.unavailable("The key's limits can't be looked up now; try again shortly.")
        }
        guard let quota else { throw GatewayError.unknownKey }
        try quota.check(at: .now)
        try await AdmitStep(gateway: gateway).inspect(incoming, with: address)
        return (address, quota)
    }
}

extension KeyQuota {
    /// - Throws: what a request with this key would be told.
    fileprivate func check(at time: Timestamp) throws(GatewayError) {
        if status != "active" { throw GatewayError.keyInactive }
        if let expiresAt, expiresAt <= time { throw GatewayError.keyExpired }
        if organizationStatus != "active" { throw GatewayError.gone("organization") }
        if projectStatus != "active" { throw GatewayError.gone("project") }
    }

    fileprivate func keyJSON(at time: Timestamp) -> [UInt8] {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        // The plan of a subscription for developers, of which there is none here.
        writer.member("devPlan", "none")
        writer.key("data")
        writer.beginObject()
        writer.member("id", key.description)
        writer.member("label", (hint ?? "") + "…")
        writer.member("status", status)
        writer.dollars("usage", charged)
        writer.dollars("limit", limit)
        writer.dollars("limit_remaining", limit.map { Self.left($0, charged) })
        writer.key("period")
        if let period {
            writer.beginObject()
            writer.dollars("limit", period.amount)
            writer.dollars("usage", periodCharged)
            writer.dollars("limit_remaining", Self.left(period.amount, periodCharged))
            writer.member("unit", period.unit.rawValue)
            writer.member("count", period.count)
            writer.member("started_at", period.begins(at: time).iso8601)
            writer.member("resets_at", period.ends(at: time).iso8601)
            writer.endObject()
        } else {
            writer.null()
        }
        writer.member("requests_per_minute", requestsPerMinute)
        writer.member("tokens_per_minute", tokensPerMinute)
        writer.member("expires_at", expiresAt?.iso8601)
        writer.member("is_free_tier", credited == .zero)
        writer.member("is_management_key", false)
        writer.member("as_of", asOf?.iso8601)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    fileprivate var creditsJSON: [UInt8] {
        var writer = JSONWriter(capacity: 128)
        let left = NanoDollars(Int64(clamping: Int128(credited.rawValue) - Int128(organizationCharged.rawValue)))
        writer.beginObject()
        writer.member("credits", left.decimal)
        writer.key("data")
        writer.beginObject()
        writer.dollars("total_credits", credited)
        writer.dollars("total_usage", organizationCharged)
        writer.dollars("remaining_credits", left)
        writer.member("as_of", asOf?.iso8601)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    private static func left(_ limit: NanoDollars, _ charged: NanoDollars) -> NanoDollars {
        max(NanoDollars(limit.rawValue - charged.rawValue), .zero)
    }
}

extension JSONWriter {
    /// A number of US dollars, exact to the nano-dollar.
    fileprivate mutating func dollars(_ name: StaticString, _ amount: NanoDollars?) {
        key(name)
        if let amount { raw(Array(amount.decimal.utf8)) } else { null() }
    }
}
