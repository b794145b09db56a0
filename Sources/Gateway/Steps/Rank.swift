internal import Admission
internal import Catalogue
internal import Dialects
internal import Ledger
internal import Money

/// Puts the routes that somebody pays into the order in which they are tried: the organization's own accounts before the house's,
/// within these those that have room for the request before the others, then by score, and last those whose circuit is open.
struct RankStep: Sendable {
    let gateway: Gateway

    /// Of 1,000 attempts so many must be answered by a provider that is asked for by name.
    static let lowestUptime: Int64 = 900

    /// - Parameter elsewhere: The same request at other providers, where the one that it asks for has failed too often of late. They
    ///   are asked first, but for a request now and then that shows whether that one is well again.
    func rank(_ funded: UnderstoodRequest, elsewhere: UnderstoodRequest?) async -> UnderstoodRequest {
        guard let elsewhere else { return await rank(funded) }
        let best = await rank(elsewhere)
        let tried = funded.routes.map { isOnTrial($0) ? $0.asTrial : $0 }
        guard !tried.contains(where: \.isTrial) else {
            let first = await rank(funded.narrowed(to: tried))
            return first.narrowed(to: first.routes + best.routes)
        }
        let uptime = gateway.health.statistics(of: MappingName(best.routes[0])).uptime
        guard uptime.map({ $0 >= Self.lowestUptime }) ?? true else { return await rank(funded) }
        let candidates = best.decision?.candidates ?? [candidate(best.routes[0], score: 0)]
        let decision = RoutingDecision(
            reason: .lowUptime, provider: best.routes[0].provider.id,
            // The score of who was passed over, as no other has it.
            candidates: candidates + funded.routes.map { candidate($0, score: -1_000) })
        return funded.narrowed(to: best.routes + funded.routes.flatMap(gateway.accounts.routes), by: decision)
    }

    private func candidate(_ route: Route, score: Int64) -> RoutingDecision.Candidate {
        let statistics = gateway.health.statistics(of: MappingName(route))
        return RoutingDecision.Candidate(
            provider: route.provider.id, score: score, uptime: statistics.uptime, latencyMS: statistics.latency,
            throughput: statistics.throughput, priority: nil)
    }

    private func rank(_ funded: UnderstoodRequest) async -> UnderstoodRequest {
        guard funded.routes.count > 1 || funded.routes.contains(where: { $0.provider.accounts.count > 1 }) else { return funded }
        let places = funded.routes.count
        var ranked = ranked(funded.routes.filter { $0.own != nil }, of: funded)
        let house = self.ranked(funded.routes.filter { $0.own == nil }, of: funded)
        ranked.order += house.order
        ranked.candidates += house.candidates
        if ranked.reason == nil { ranked.reason = house.reason }
        var routes = ranked.order.flatMap(gateway.accounts.routes)
        var reason = places == 1 ? RoutingDecision.Reason.onlyProvider : ranked.reason ?? .weightedScore
        // Where there is one provider, nobody needs to be asked which it was.
        if places > 1, let sticky = await stickyProvider(of: funded),
            let index = routes.firstIndex(where: { $0.provider.id == sticky }),
            routes[index].own != nil || routes[0].own == nil, isClosed(routes[index]),
            funded.fits(routes[index]) || !funded.fits(routes[0])
        {
            if index > 0 { routes.insert(routes.remove(at: index), at: 0) }
            reason = .sessionSticky
        }
        // Stable: those that stand equal keep their places.
        let standings = routes.map { gateway.circuits.standing(of: .init($0)) }
        if standings.contains(.open) {
            let open = routes.indices.filter { standings[$0] == .open }
            let first = routes[0]
            routes = routes.indices.filter { standings[$0] != .open }.map { routes[$0] } + open.map { routes[$0] }
            if routes[0] !== first { reason = .circuitOpen }
        }
        if funded.preferences.isAlone { routes = [routes[0]] }
        let decision =
            places == 1
            ? nil
            : RoutingDecision(
                reason: reason, provider: routes[0].provider.id, candidates: ranked.candidates,
                noFallback: funded.preferences.isAlone ? true : nil)
        return funded.narrowed(to: routes, by: decision)
    }

    /// Whether this request is to try a place that is avoided: its circuit may close again, or it failed too often of late.
    private func isOnTrial(_ route: Route) -> Bool {
        guard route.own == nil else { return isTrying(route) }
        let name = MappingName(route)
        guard let uptime = gateway.health.statistics(of: name).uptime, uptime < Probation.sufficient else {
            return isTrying(route)
        }
        return isTrying(route) || gateway.probation.mayTry(name)
    }

    /// Whether no account there is as it should be, and one may try again.
    private func isTrying(_ route: Route) -> Bool {
        let accounts = route.own == nil ? max(route.provider.accounts.count, 1) : 1
        let standings = (0..<accounts).map { account in
            gateway.circuits.standing(of: .init(accounts == 1 ? route : route.with(account: account)))
        }
        return !standings.contains(.closed) && standings.contains(.trying)
    }

    private func isClosed(_ route: Route) -> Bool { gateway.circuits.standing(of: .init(route)) == .closed }

    private func stickyProvider(of request: UnderstoodRequest) async -> String? {
        guard let session = request.preferences.session else { return nil }
        return await gateway.sessions.provider(
            of: session, model: request.model.id, organization: request.address.organization,
            on: request.incoming.eventLoop)
    }

    private typealias Ranked = (order: [Route], candidates: [RoutingDecision.Candidate], reason: RoutingDecision.Reason?)

    private func ranked(_ routes: [Route], of request: UnderstoodRequest) -> Ranked {
        guard !routes.isEmpty else { return ([], [], nil) }
        // One with too little room is asked last: it must not use up the turn of those that try it with less.
        let fits = routes.contains(where: request.fits) ? request.fits : { _ in true }
        let routes = routes.map { $0.isTrial || (fits($0) && isOnTrial($0)) ? $0.asTrial : $0 }
        let scored = routes.map { route in
            let tier = route.mapping.prices.tier(promptTokens: route.promptTokens)
            let priority = route.mapping.priority ?? route.provider.priority
            return ScoredRoute(
                price: route.mapping.prices.ofTwoTokens(
                    promptTokens: route.promptTokens, of: request.likelyTokens, images: request.images),
                priority: Double(priority.partsPerMillion) / 1_000_000, hasCachedPrice: tier.cachedInput < tier.input,
                // Who is tried again is not held to what it did, or nobody would ever ask.
                statistics: route.isTrial ? .unknown : gateway.health.statistics(of: MappingName(route)))
        }
        let scores = RouteScore.scores(
            scored, weights: request.preferences.strategy.weights(gateway.configuration.routing),
            isStreamed: request.isStreamed, promptTokens: request.scan.estimatedPromptTokens)
        let order = routes.indices.filter { scored[$0].priority > 0 }.sorted { scores[$0] < scores[$1] }
        let last = routes.indices.filter { scored[$0].priority <= 0 }
        let candidates = routes.indices.map { index in
            RoutingDecision.Candidate(
                provider: routes[index].provider.id, score: Int64(min(scores[index] * 1_000, 1e12).rounded()),
                uptime: scored[index].statistics.uptime, latencyMS: scored[index].statistics.latency,
                throughput: scored[index].statistics.throughput,
                priority: scored[index].priority == 1
                    ? nil : Int64(scored[index].priority * 1_000))
        }
        let isKnown = scored.contains { $0.statistics != .unknown }
        return (request.roomyFirst((order + last).map { routes[$0] }), candidates, isKnown ? .weightedScore : .priceOnly)
    }
}
