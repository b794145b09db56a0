internal import Admission
internal import Catalogue
internal import Credentials
internal import Dialects
internal import HTTPTransport
internal import Ledger
internal import Logging
internal import Money

/// A provider's answer whose head is known to be good, and how it came to that.
struct OpenedAnswer: Sendable {
    let route: Route
    let answer: UpstreamAnswer
    /// Attempts before this one; each failed before a byte reached the client.
    var attempts: [Attempt]
    let began: ContinuousClock.Instant

    /// This attempt, for the record.
    func attempt(status: Int?, error: String?) -> Attempt {
        Attempt(
            provider: route.provider.id, model: route.mapping.upstreamName, status: status, error: error,
            durationMS: (ContinuousClock.now - began).milliseconds, providerKey: route.own?.id)
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

/// Every route failed; nothing reached the client.
struct RelayFailure: Error, Sendable {
    let failure: UpstreamFailure
    let route: Route
    let attempts: [Attempt]
}

/// Sends the request to one route after the other until one answers with success.
struct RelayStep: Sendable {
    let gateway: Gateway
    /// Whose client's leaving ends a transfer even before its first byte; nil when the call runs on without its client.
    var disconnects: DisconnectHandler?

    /// The first route at or after `index` whose answer begins with success.
    ///
    /// - Parameter earlier: attempts that were made before, kept for the record.
    func open(
        _ admitted: AdmittedRequest, from index: Int = 0, earlier: [Attempt] = []
    ) async throws(RelayFailure) -> (OpenedAnswer, index: Int) {
        let routes = admitted.understood.routes
        if let cached = admitted.cached {
            let answer = UpstreamAnswer.replayed(ReplayedAnswer(cached.body))
            return (OpenedAnswer(route: routes[0], answer: answer, attempts: [], began: .now), 0)
        }
        var attempts = earlier
        var index = index
        // What was fetched for one route serves the next.
        var images: [String: String] = [:]
        while true {
            let route = routes[index]
            let began = ContinuousClock.now
            gateway.circuits.begin(.init(route))
            let failure: UpstreamFailure
            do {
                let answer = try await send(admitted, to: route, isLast: index == routes.count - 1, &images)
                if (200..<300).contains(answer.status) {
                    return (OpenedAnswer(route: route, answer: answer, attempts: attempts, began: began), index)
                }
                failure = await answer.refusal()
            } catch {
                failure = error
            }
            gateway.note(route, failure.report)
            attempts.append(
                Attempt(
                    provider: route.provider.id, model: route.mapping.upstreamName,
                    status: failure.kind == .request ? nil : failure.status,
                    error: failure.kind.rawValue, durationMS: (ContinuousClock.now - began).milliseconds,
                    providerKey: route.own?.id))
            index += 1
            guard failure.isProvidersFault, index < routes.count else {
                throw RelayFailure(failure: failure, route: route, attempts: attempts)
            }
        }
    }

    private func send(
        _ admitted: AdmittedRequest, to route: Route, isLast: Bool, _ images: inout [String: String]
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let understood = admitted.understood
        if let foreign = route.foreign { return try await send(admitted, foreign, to: route, isLast: isLast, &images) }
        let body = understood.scan.applying(
            RequestEdits(
                model: route.mapping.upstreamName == understood.scan.model ? nil : route.mapping.upstreamName,
                outputLimit: admitted.outputLimit(at: route), includeUsage: understood.isStreamed,
                limitField: admitted.limitField(at: route),
                effort: route.mapping.capabilities.reasoning ? understood.entered.messages?.effort : nil),
            to: understood.body)
        if route.provider.dialect == .echo {
            let id = "chatcmpl-\(understood.incoming.id)"
            let created = understood.incoming.occurredAt.microseconds / 1_000_000
            return .echo(try EchoStream(body: body, id: id, created: created))
        }
        let account = try await account(for: route)
        let call = ChatCall(
            route.provider.dialect, model: route.mapping.upstreamName, kind: understood.entered.entrance.kind, at: account)
        let answer = try await post(
            body, to: route, url: call.url, headers: call.headers, isStreamed: understood.isStreamed, isLast: isLast)
        return .http(answer)
    }

    /// Sends the request in the provider's dialect; its answer comes back in OpenAI's.
    private func send(
        _ admitted: AdmittedRequest, _ foreign: any ForeignRequest, to route: Route, isLast: Bool,
        _ images: inout [String: String]
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let understood = admitted.understood
        let account = try await account(for: route)
        let model = route.mapping.upstreamName
        let limit = min(admitted.outputLimit(at: route)?.tokens ?? understood.outputLimit ?? .max, route.mapping.outputBound)
        let body: [UInt8]
        let missing = foreign.remoteImages.filter { images[$0.url] == nil }
        images.merge(try await ImageFetcher(gateway: gateway).images(missing)) { $1 }
        do {
            body = try foreign.with(images: images).body(model: model, maximumTokens: limit)
        } catch {
            throw UpstreamFailure(error)
        }
        let url = account.baseURL + foreign.path(model: model, at: account)
        let call = ProviderCall(
            account: account, url: url, body: body, time: Timestamp.now.microseconds / 1_000_000)
        let answer = try await post(
            body, to: route, url: url, headers: foreign.headers(of: call), isStreamed: understood.isStreamed, isLast: isLast)
        let reader = foreign.answer(
            id: "chatcmpl-\(understood.incoming.id)", created: understood.incoming.occurredAt.microseconds / 1_000_000)
        return .foreign(TranslatedAnswer(answer, reader: reader))
    }

    private func account(for route: Route) async throws(UpstreamFailure) -> Provider.Account {
        guard let account = route.payingAccount else {
            throw UpstreamFailure(kind: .connect, message: "The provider \(route.provider.id) has no key here.")
        }
        guard account.isServiceAccount else { return account }
        do {
            let isTrusted = route.own == nil || gateway.configuration.allowsPrivateProviderURLs
            let token = try await gateway.accessTokens.token(of: account.apiKey, isTrusted: isTrusted)
            return account.opened(by: token.value, project: token.project)
        } catch {
            throw UpstreamFailure(
                kind: error.isRefused ? .status : .connect, message: error.description, status: error.isRefused ? 401 : nil)
        }
    }

    private func post(
        _ body: [UInt8], to route: Route, url: String, headers: [(String, String)], isStreamed: Bool, isLast: Bool
    ) async throws(UpstreamFailure) -> HTTPTransportResponse {
        let configuration = gateway.configuration
        do {
            return try await gateway.transport.execute(
                HTTPTransportRequest(
                    method: "POST", url: url,
                    headers: headers + [
                        ("content-type", "application/json"), ("accept", isStreamed ? "text/event-stream" : "application/json"),
                    ],
                    body: .bytes(body),
                    deadlines: .init(
                        connect: isLast
                            ? configuration.connectDeadline
                            : min(configuration.connectDeadline, configuration.alternativeConnectDeadline),
                        firstByte: configuration.firstByteDeadline,
                        idle: configuration.idleDeadline,
                        total: isStreamed ? configuration.streamDeadline : configuration.totalDeadline),
                    // The operator's own accounts may lie on a private network; customers' URLs may not, unless the operator
                    // says so.
                    allowPrivateAddresses: route.own?.baseURL == nil || configuration.allowsPrivateProviderURLs),
                started: { stop in disconnects?.whenGone(stop) })
        } catch {
            throw UpstreamFailure(error)
        }
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
