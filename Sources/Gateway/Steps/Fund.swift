internal import Admission
internal import Catalogue
internal import Dialects
internal import Ledger

/// Decides whose accounts pay the providers: the house's (and the organization's credits pay the house), the organization's own,
/// or its own first.
struct FundStep: Sendable {
    /// The request with the routes that somebody can pay, in the order to try, or why there is none.
    func fund(_ understood: UnderstoodRequest, by policy: OrganizationPolicy) -> Result<UnderstoodRequest, GatewayError> {
        let mode = policy.mode(of: understood.address.project)
        let routes: [Route]
        switch mode {
        case .credits:
            // Mostly every route is the house's, and nothing needs to be made anew.
            if understood.routes.allSatisfy(\.provider.isUsable), !understood.routes.isEmpty { return .success(understood) }
            routes = house(understood.routes)
        case .apiKeys: routes = own(understood.routes, policy)
        case .hybrid: routes = own(understood.routes, policy) + house(understood.routes)
        }
        guard !routes.isEmpty else { return .failure(Self.nobodyPays(understood, mode)) }
        return .success(understood.narrowed(to: routes))
    }

    private func house(_ routes: [Route]) -> [Route] { routes.filter(\.provider.isUsable) }

    /// Each place once for every key that the organization has there.
    private func own(_ routes: [Route], _ policy: OrganizationPolicy) -> [Route] {
        guard !policy.accounts.isEmpty else { return [] }
        return routes.flatMap { route in (policy.accounts[route.provider.id] ?? []).map(route.with) }
    }

    private static func nobodyPays(_ understood: UnderstoodRequest, _ mode: ProjectMode) -> GatewayError {
        let model = understood.requestedModel
        let (message, code) =
            switch mode {
            case .credits: ("No provider of the model \"\(model)\" has a key here.", "no_provider")
            case .apiKeys:
                (
                    "The project uses the organization's own provider keys, and there is none for a provider of the model "
                        + "\"\(model)\".", "no_provider_key"
                )
            case .hybrid:
                ("No provider of the model \"\(model)\" has a key, neither here nor of the organization.", "no_provider")
            }
        return GatewayError(APIError(status: 400, message: message, param: "model", code: code))
    }
}
