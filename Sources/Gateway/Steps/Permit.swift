internal import Admission
internal import Catalogue
internal import Dialects
internal import Ledger
internal import Money
internal import Web

/// Takes away the routes that the rules of the organization's policy do not allow, for the first try and every later one.
struct PermitStep: Sendable {
    let gateway: Gateway

    /// The request with the routes that are left, or why none is.
    func permit(_ understood: UnderstoodRequest, by policy: OrganizationPolicy) -> Result<UnderstoodRequest, GatewayError> {
        let levels = policy.levels(of: understood.address)
        guard !levels.isEmpty else { return .success(understood) }
        var names = [understood.model.id] + understood.model.aliases
        if understood.requestedModel == Catalogue.automatic { names.append(Catalogue.automatic) }
        let subject = subject(understood.incoming, names: names)
        var routes = understood.routes
        for level in levels {
            switch level.verdict(on: subject, routes.map(RuleCandidate.init)) {
            case .left(let places): if places.count < routes.count { routes = places.map { routes[$0] } }
            case .refused(let refusal): return .failure(GatewayError(refusal))
            }
        }
        return .success(routes.count == understood.routes.count ? understood : understood.narrowed(to: routes))
    }

    /// Why the rules let the key be used for nothing from where the client is; nil where they do.
    func refusal(of incoming: IncomingRequest, with address: KeyAddress, by policy: OrganizationPolicy) -> GatewayError? {
        let subject = subject(incoming, names: [])
        for level in policy.levels(of: address) {
            if case .refused(let refusal)? = level.verdict(onAddressOf: subject) { return GatewayError(refusal) }
        }
        return nil
    }

    private func subject(_ incoming: IncomingRequest, names: [String]) -> RuleSubject {
        let proxies = gateway.configuration.trustedProxies
        return RuleSubject(names: names) { proxies.client(peer: incoming.peerAddress, headers: incoming.headers) }
    }
}

extension RuleCandidate {
    init(_ route: Route) {
        // Which tier a prompt falls into is known only from above, and a smaller prompt may be in a dearer tier.
        let prices = route.mapping.prices
        let last = prices.tiers.firstIndex { $0.upTo.map { route.promptTokens <= $0 } ?? true } ?? prices.tiers.count - 1
        let tiers = prices.tiers[...last]
        self.init(
            provider: route.provider.id, upstreamName: route.mapping.upstreamName,
            providerAliases: route.provider.isCustom ? ["custom", "custom:\(route.provider.id)"] : [],
            isFree: prices.isFree, inputPrice: prices.charged(tiers.map { max($0.input, $0.imageInput ?? .zero) }.max() ?? .zero),
            outputPrice: prices.charged(
                tiers.map { max($0.output, $0.reasoning ?? .zero, $0.imageOutput ?? .zero) }.max() ?? .zero))
    }
}

extension Prices {
    /// What is charged at a price of the list, rounded up: no bound in whole pico-dollars is kept by a price above it.
    fileprivate func charged(_ price: PicoDollars) -> PicoDollars {
        let exact = Int128(price.rawValue) * Int128(multiplier.partsPerMillion)
        return PicoDollars(Int64(clamping: (exact + 999_999) / 1_000_000))
    }
}

extension GatewayError {
    /// What a client is told when rules refuse.
    init(_ refusal: RuleRefusal) {
        let whose =
            switch refusal.scope {
            case .member: "the member who made this API key"
            case .apiKey: "this API key"
            }
        let rules = refusal.rules.map(\.description).joined(separator: ", ")
        self.init(
            APIError(
                status: 403,
                message: "Access denied: \(refusal.reason.rawValue). The rules of \(whose) decide that. (Rule ID: \(rules))",
                code: "permission_denied", type: "invalid_request_error"),
            scope: refusal.scope.rawValue)
    }
}
