internal import Admission
internal import Catalogue
internal import Dialects
internal import Ledger
internal import Money
internal import Web

/// A provider's answer whose head is known to be good, and how it came to that.
struct OpenedAnswer: Sendable {
    let route: Route
    let answer: UpstreamAnswer
    /// Attempts before this one; each failed before a byte reached the client.
    let attempts: [Attempt]
    let began: ContinuousClock.Instant
    /// What images that were fetched for the request take of the room for all bodies: its body has them until the answer is over.
    let room: ByteBudget.Room?

    /// All attempts, this one too.
    ///
    /// - Parameter error: A short code, nil where it went well.
    func attempts(error: String?) -> [Attempt] {
        attempts + [Attempt(route, status: answer.status, error: error, began: began)]
    }

    /// Notes that the provider answered, how fast, and which provider a session is with.
    ///
    /// - Parameter firstByteAt: Of a stream.
    func noteAnswered(
        _ admitted: AdmittedRequest, usage: TokenUsage?, firstByteAt: ContinuousClock.Instant?, by gateway: Gateway
    ) {
        guard admitted.cached == nil else { return }
        var counts = RouteCounts()
        if let firstByteAt {
            counts.timed = 1
            counts.firstByteMS = max(0, (firstByteAt - began).milliseconds)
        }
        let elapsed = (ContinuousClock.now - began).milliseconds
        if let tokens = usage?.completionTokens, tokens > 0, elapsed > 0 {
            counts.tokens = tokens
            counts.milliseconds = elapsed
        }
        gateway.note(route, .answered, counts: counts)
        let understood = admitted.understood
        guard let session = understood.preferences.session, understood.decision != nil else { return }
        gateway.sessions.keep(
            route.provider.id, of: session, model: understood.model.id, organization: understood.address.organization,
            on: understood.incoming.eventLoop)
    }
}

extension Attempt {
    /// What began then at `route` and ends now.
    init(_ route: Route, status: Int?, error: String?, began: ContinuousClock.Instant) {
        self.init(
            provider: route.provider.id, model: route.mapping.upstreamName, status: status, error: error,
            durationMS: (ContinuousClock.now - began).milliseconds, providerKey: route.own?.id)
    }
}
