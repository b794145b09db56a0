internal import Admission
internal import Catalogue
internal import Credentials
internal import Dialects
internal import HTTPTransport
internal import Ledger
internal import Logging
internal import Money
internal import Web

/// Sends the request to one route after the other until one gives an answer that can be taken.
struct RelayStep: Sendable {
    let gateway: Gateway
    /// The client, where it can be told that it left.
    let client: DisconnectHandler?

    /// The first route's answer that begins with success and that `accept` takes, as it makes of it.
    ///
    /// No route is tried after the request's deadline, or for a client that has left.
    func open<Accepted: Sendable>(
        _ admitted: AdmittedRequest, accept: (OpenedAnswer) async throws(UpstreamFailure) -> Accepted
    ) async throws(RelayFailure) -> Accepted {
        let routes = admitted.understood.routes
        let deadline = ContinuousClock.now + gateway.configuration.totalDeadline
        var attempts: [Attempt] = []
        var images = FetchedImages()
        var index = 0
        // The last that failed of those which are thought to have room for the request.
        var roomy: (failure: UpstreamFailure, route: Route)?
        while true {
            let route = routes[index]
            let began = ContinuousClock.now
            var status: Int?
            let failure: UpstreamFailure
            do {
                let isLast = index == routes.count - 1
                let answer = try await answer(admitted, by: route, isLast: isLast, before: deadline, &images)
                status = answer.status
                let opened = OpenedAnswer(
                    route: route, answer: answer, attempts: attempts, began: began, room: images.room)
                return try await accept(opened)
            } catch {
                failure = error
            }
            if failure.isOfAccount { admitted.trace?.conceal() }
            // One that had but what others left of the time is not to blame.
            let isOthersFault = failure.kind == .timeout && index > 0 && .now >= deadline
            gateway.note(route, isOthersFault ? .neither : failure.report)
            if failure.kind != .request { status = status ?? failure.status }
            attempts.append(Attempt(route, status: status, error: failure.kind.rawValue, began: began))
            index += 1
            let fits = admitted.understood.fits
            // It may be taken where there is room.
            let isTooLong = failure.mayBeOfLength && !fits(route)
            guard failure.mayGoElsewhere || (isTooLong && routes[index...].contains(where: fits)),
                index < routes.count, .now < deadline, client?.isGone != true
            else {
                // That it is too long for one that was only asked because others failed is no reason to make it shorter.
                let told = isTooLong ? roomy ?? (failure: failure, route: route) : (failure: failure, route: route)
                throw RelayFailure(failure: told.failure, route: told.route, attempts: attempts)
            }
            if fits(route) { roomy = (failure: failure, route: route) }
        }
    }

    /// The answer of `route`, which begins with success.
    private func answer(
        _ admitted: AdmittedRequest, by route: Route, isLast: Bool, before deadline: ContinuousClock.Instant,
        _ images: inout FetchedImages
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        if let cached = admitted.cached { return .replayed(ReplayedAnswer(cached.body)) }
        gateway.circuits.begin(.init(route))
        let answer = try await send(admitted, to: route, isLast: isLast, before: deadline, &images)
        guard (200..<300).contains(answer.status) else { throw await answer.refusal() }
        return answer
    }

    private func send(
        _ admitted: AdmittedRequest, to route: Route, isLast: Bool, before deadline: ContinuousClock.Instant,
        _ images: inout FetchedImages
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let understood = admitted.understood
        let post = Post(
            route: route, isStreamed: understood.isStreamed, isLast: isLast, deadline: deadline, trace: admitted.trace)
        if let foreign = route.foreign { return try await send(admitted, foreign, by: post, &images) }
        let functions = route.functions
        let body = (functions?.scan ?? understood.scan).applying(
            RequestEdits(
                model: route.mapping.upstreamName == understood.scan.model ? nil : route.mapping.upstreamName,
                outputLimit: admitted.outputLimit(at: route), includeUsage: understood.isStreamed,
                clearStreamOptions: route.provider.refusesStreamOptions,
                limitField: admitted.limitField(at: route),
                effort: route.mapping.capabilities.reasoning ? understood.entered.messages?.effort : nil,
                dropsNoEffort: !route.mapping.capabilities.reasoning,
                lowersEffort: understood.entered.messages != nil
                    && !MessagesTranslation.goesBeyondHigh(route.mapping.model),
                dropsTemperature: route.mapping.hasFixedTemperature,
                returnedMembers: route.provider.returnedMembers, reasoningField: route.provider.reasoningField),
            to: functions?.body ?? understood.body)
        if route.provider.dialect == .echo {
            let id = "chatcmpl-\(understood.incoming.id)"
            let created = understood.incoming.occurredAt.microseconds / 1_000_000
            return .echo(try EchoStream(body: body, id: id, created: created))
        }
        let account = try await account(for: route)
        let call = ChatCall(
            route.provider.dialect, model: route.mapping.upstreamName, kind: understood.entered.entrance.kind, at: account)
        let answer = try await send(body, by: post, from: account, url: call.url, headers: call.headers)
        guard let functions else { return .http(answer) }
        return .foreign(
            TranslatedAnswer(answer, reader: functions.answer(of: route.provider.id), waiting: gateway.waiting(route, admitted)))
    }

    /// Sends the request in the provider's dialect; its answer comes back in OpenAI's.
    private func send(
        _ admitted: AdmittedRequest, _ foreign: any ForeignRequest, by post: Post, _ images: inout FetchedImages
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let understood = admitted.understood
        let route = post.route
        let account = try await account(for: route)
        let model = route.mapping.upstreamName
        let limit = admitted.outputLimit(at: route)?.tokens ?? understood.outputLimit ?? admitted.room(at: route)
        let body: [UInt8]
        let remote = foreign.remoteImages
        if !remote.isEmpty {
            try await ImageFetcher(gateway: gateway, owner: understood.address.organization)
                .fetch(remote, within: foreign.imageBounds, into: &images)
        }
        do {
            body = try foreign.with(images: images.dataURLs).body(model: model, maximumTokens: limit)
        } catch {
            throw UpstreamFailure(error)
        }
        let url = account.baseURL + foreign.path(model: model, at: account)
        let call = ProviderCall(
            account: account, url: url, body: body, time: Timestamp.now.microseconds / 1_000_000)
        let answer = try await send(body, by: post, from: account, url: url, headers: foreign.headers(of: call))
        let reader = foreign.answer(
            id: "chatcmpl-\(understood.incoming.id)", created: understood.incoming.occurredAt.microseconds / 1_000_000)
        return .foreign(
            TranslatedAnswer(
                answer, reader: route.functions?.answer(reader) ?? reader, waiting: gateway.waiting(route, admitted)))
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

    /// How a request is sent.
    private struct Post {
        let route: Route
        let isStreamed: Bool
        /// Whether no other route can stand in for this one.
        let isLast: Bool
        /// When an answer that is not streamed must be whole.
        let deadline: ContinuousClock.Instant
        /// What hears of it.
        let trace: UpstreamTrace?
    }

    private func send(
        _ body: [UInt8], by post: Post, from account: Provider.Account, url: String, headers: [(String, String)]
    ) async throws(UpstreamFailure) -> UpstreamResponse {
        let configuration = gateway.configuration
        let own = post.route.own
        // A form says what it is itself.
        let type = headers.contains { $0.0 == "content-type" } ? [] : [("content-type", "application/json")]
        post.trace?.begin(body, from: account)
        do {
            let response = try await gateway.transport.execute(
                HTTPTransportRequest(
                    method: "POST", url: url,
                    headers: headers + type + [("accept", post.isStreamed ? "text/event-stream" : "application/json")],
                    body: .bytes(body),
                    deadlines: .init(
                        connect: post.isLast
                            ? configuration.connectDeadline
                            : min(configuration.connectDeadline, configuration.alternativeConnectDeadline),
                        firstByte: configuration.firstByteDeadline,
                        idle: configuration.idleDeadline,
                        total: post.isStreamed ? configuration.streamDeadline : max(.zero, post.deadline - .now)),
                    // The operator's own accounts may lie on a private network; customers' URLs may not, unless the operator
                    // says so.
                    allowPrivateAddresses: own?.baseURL == nil || configuration.allowsPrivateProviderURLs),
                // An answer that is not streamed is produced, and billed, whether its client waits for it or not.
                started: { stop in if post.isStreamed { client?.whenGone(stop) } })
            return UpstreamResponse(response: response, trace: post.trace)
        } catch {
            throw UpstreamFailure(head: error)
        }
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
