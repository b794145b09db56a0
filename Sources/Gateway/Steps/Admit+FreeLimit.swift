internal import Admission
internal import Catalogue
internal import Dialects
internal import Money

extension AdmitStep {
    /// Asks whether a model that costs nothing may be asked again.
    ///
    /// - Parameter balance: The organization's, without this request.
    /// - Returns: How the organization stands with it; nil where nothing is limited. Echo is no provider's.
    /// - Throws: 429 where the organization has asked for the free model too often.
    func limitFree(_ admitted: AdmittedRequest, balance: NanoDollars) async throws(GatewayError) -> FreeUse? {
        let understood = admitted.understood
        guard let route = understood.routes.first, route.own == nil, admitted.cached == nil,
            route.provider.dialect != .echo, !route.provider.isCustom,
            !admitted.isAuthorized || route.mapping.prices.isFree
        else { return nil }
        let limit = gateway.configuration.freeLimits.limit(of: understood.model.freeLimit, hasCredits: balance > .zero)
        let use = await FreeWindow(redis: gateway.redis).use(
            of: understood.model.id, by: understood.address.organization, request: understood.incoming.id, limit: limit,
            on: understood.incoming.eventLoop)
        guard let wait = use?.wait else { return use }
        // What others of its routes may cost is held.
        if admitted.isAuthorized { release(admitted) }
        var refusal = GatewayError(
            APIError(
                status: 429,
                message:
                    "The model \"\(understood.model.id)\" is free, and may be asked \(limit.requests) times in \(limit.seconds) "
                    + "seconds by this organization."), retryAfter: wait, scope: "organization", reason: "free_limit")
        refusal.mayHold = admitted.isAuthorized
        refusal.free = use
        throw refusal
    }
}
