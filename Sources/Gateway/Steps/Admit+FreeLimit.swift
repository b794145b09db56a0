internal import Admission
internal import Catalogue
internal import Dialects
internal import Money

extension AdmitStep {
    /// Asks whether a model that costs nothing may be asked again.
    ///
    /// - Parameter balance: The organization's, without this request.
    /// - Throws: 429 where the organization has asked for the free model too often. Echo is no provider's.
    func limitFree(_ admitted: AdmittedRequest, balance: NanoDollars) async throws(GatewayError) {
        let understood = admitted.understood
        guard let route = understood.routes.first, route.own == nil, admitted.cached == nil,
            route.provider.dialect != .echo, !route.provider.isCustom,
            !admitted.isAuthorized || route.mapping.prices.isFree
        else { return }
        let configuration = gateway.configuration
        let limit = balance > .zero ? configuration.freeWithCredits : configuration.freeWithoutCredits
        let wait = await FreeWindow(redis: gateway.redis).wait(
            for: understood.model.id, of: understood.address.organization, request: understood.incoming.id, limit: limit,
            on: understood.incoming.eventLoop)
        guard let wait else { return }
        // What others of its routes may cost is held.
        if admitted.isAuthorized { release(admitted) }
        var refusal = GatewayError(
            APIError(
                status: 429,
                message:
                    "The model \"\(understood.model.id)\" is free, and may be asked \(limit.requests) times in \(limit.seconds) "
                    + "seconds by this organization."), retryAfter: wait, scope: "organization", reason: "free_limit")
        refusal.mayHold = admitted.isAuthorized
        throw refusal
    }
}
