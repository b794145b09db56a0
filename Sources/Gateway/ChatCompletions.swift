internal import Admission
internal import Catalogue
internal import CoreMetrics
internal import Dialects
internal import HTTPTypes
internal import HummingbirdCore
internal import Ledger
internal import Logging
internal import Money
internal import NIOCore
internal import Web

/// `POST /v1/chat/completions`, `POST /v1/messages` for clients of Anthropic's format, `POST /v1/responses`, embeddings,
/// moderations and images: authenticate, understand, admit, relay, settle; one way through, never back.
struct ChatCompletions: Sendable {
    let gateway: Gateway
    var entrance = Entrance.chat

    /// - Parameter readers: Which sites' pages may read the answer, as headers; nil where that is said of none.
    // Concurrent, as Hummingbird's writers are, so that a writer never crosses an isolation; the task's executor is the
    // connection's event loop all the same.
    @concurrent
    func respond(
        to request: Request, writer: consuming ResponseWriter, channel: any Channel, date: String, readers: HTTPFields? = nil
    ) async throws {
        let began = ContinuousClock.now
        let inFlight = gateway.metrics.began()
        var status = 500
        defer { gateway.metrics.ended(status: status, after: ContinuousClock.now - began) }
        var head = ResponseHead(date: date, entrance: entrance, readers: readers)
        let answer: Answer
        do throws(GatewayError) {
            guard inFlight <= gateway.configuration.maximumInFlight, !gateway.line.isFull else { throw shed() }
            answer = try await self.answer(request, channel: channel, head: &head)
        } catch {
            status = error.status
            try await writer.write(error, head: head)
            return
        }
        switch answer {
        case .whole(let body, let room):
            status = 200
            // The client may take its time, and the memory is not free before it has all.
            defer { withExtendedLifetime(room) {} }
            let response = head.response(contentType: "application/json", contentLength: body.readableBytes)
            try await writer.write(body, head: response, to: channel)
        case .stream(let stream):
            status = 200
            let response = head.response(contentType: "text/event-stream", cacheControl: "no-cache")
            let disconnects = Self.disconnects(of: channel)
            disconnects?.whenGone { stream.cancel() }
            defer { disconnects?.forget() }
            let watch = WriteWatch(channel)
            defer { watch.end() }
            do {
                var body = WatchedBody(try await writer.writeHead(response), watch: watch)
                try await stream.relay(to: &body)
                try await body.finish(nil)
            } catch {
                // The client is gone, or the outcome could not be recorded: either way the stream ends unfinished.
                await stream.abandon()
                throw error
            }
        }
    }

    private func shed() -> GatewayError {
        gateway.metrics.shed.increment()
        return .overloaded
    }

    private static func disconnects(of channel: any Channel) -> DisconnectHandler? {
        try? channel.pipeline.syncOperations.handler(type: DisconnectHandler.self)
    }

    private enum Answer {
        case whole(ByteBuffer, room: ByteBudget.Room?)
        case stream(StreamedAnswer)
    }

    private func answer(_ request: Request, channel: any Channel, head: inout ResponseHead) async throws(GatewayError) -> Answer {
        var incoming = try IncomingRequest(head: request, channel: channel, id: head.requestID)
        head.clientRequestID = incoming.clientRequestID
        let address = try await AuthenticateStep(gateway: gateway).authenticate(incoming)
        var model: String?
        let admitted: AdmittedRequest
        do throws(GatewayError) {
            let body: [UInt8]
            (body, incoming.room) = try await gateway.bodies.read(request, channel: channel, of: address.organization)
            guard await gateway.line.enter() else { throw shed() }
            defer { gateway.line.leave() }
            let history = try await history(body, of: address)
            // It is as much of the request as if the client had sent it again.
            if let history, !gateway.bodies.hasRoom(for: history, beside: body, in: &incoming.room, of: address.organization) {
                throw GatewayError.overloaded
            }
            let entered = try EnteredRequest(
                body, headers: incoming.headers, by: entrance, history: history, id: incoming.id, at: incoming.occurredAt)
            let understood = try await UnderstandStep(gateway: gateway).understand(
                incoming, address: address, entered: entered)
            model = understood.requestedModel
            admitted = try await AdmitStep(gateway: gateway).admit(understood)
        } catch {
            if error.isDenial {
                await gateway.denials.record(
                    error, model: model, address: address, request: incoming.id,
                    metadata: EventMetadata(clientRequestID: incoming.clientRequestID, source: incoming.labels.source),
                    at: incoming.occurredAt)
            }
            throw error
        }
        head.isCached = admitted.cached != nil
        head.free = admitted.free
        let client = Self.disconnects(of: channel)
        guard admitted.understood.isStreamed else { return try await whole(admitted, client: client) }
        return .stream(try await stream(admitted, client: client))
    }

    /// The conversation that the request goes on from.
    ///
    /// - Throws: 404 when it names one that is not there, 503 when that can't be looked up.
    private func history(_ body: [UInt8], of address: KeyAddress) async throws(GatewayError) -> [UInt8]? {
        guard entrance == .responses, let previous = ResponsesTranslation.previous(in: body) else { return nil }
        let kept: ResponseStore.Kept?
        do {
            if let id = RequestID(response: previous) {
                kept = try await gateway.responses.read(id, of: address.project)
            } else {
                kept = nil
            }
        } catch {
            throw GatewayError.unavailable("Kept answers can't be read now; try again shortly.")
        }
        guard let kept else {
            throw GatewayError(
                APIError(
                    status: 404, message: "There is no such response; it may not have been stored, or be older than 30 days.",
                    param: "previous_response_id", code: "previous_response_not_found"))
        }
        return kept.conversation
    }

    /// The first route's whole answer that can be read, settled.
    private func whole(_ admitted: AdmittedRequest, client: DisconnectHandler?) async throws(GatewayError) -> Answer {
        let gateway = gateway
        let answer = try await open(admitted, client: client) { (opened) async throws(UpstreamFailure) in
            try await CollectedAnswer(reading: opened, of: admitted, by: gateway)
        }
        return .whole(try await answer.settle(), room: answer.room)
    }

    /// The first route whose stream begins, with what it begins with at hand.
    private func stream(_ admitted: AdmittedRequest, client: DisconnectHandler?) async throws(GatewayError) -> StreamedAnswer {
        defer { client?.forget() }
        let gateway = gateway
        return try await open(admitted, client: client) { (opened) async throws(UpstreamFailure) in
            let answer = StreamedAnswer(gateway: gateway, admitted: admitted, opened: opened)
            try await answer.begin()
            return answer
        }
    }

    /// What `accept` makes of the first route's answer that it takes; where there is none, what is known of that is settled.
    private func open<Accepted: Sendable>(
        _ admitted: AdmittedRequest, client: DisconnectHandler?,
        accept: (OpenedAnswer) async throws(UpstreamFailure) -> Accepted
    ) async throws(GatewayError) -> Accepted {
        do {
            return try await RelayStep(gateway: gateway, client: client).open(admitted, accept: accept)
        } catch {
            let told = error.failure.clientError(route: error.route)
            // Whether or not that can be recorded, the client hears why there is no answer.
            _ = try? await Settler(gateway: gateway).settle(
                admitted, error.ending(of: admitted, status: told.status, isClientGone: client?.isGone == true))
            throw told
        }
    }
}

extension GatewayMetadata {
    /// What the gateway tells of `admitted`, answered by `route`.
    init(_ admitted: AdmittedRequest, route: Route, isEstimated: Bool) {
        let understood = admitted.understood
        self.init(
            requestedModel: understood.requestedModel, requestedProvider: understood.resolution.requestedProvider,
            usedModel: understood.model.id, usedProvider: route.provider.id, underlyingUsedModel: route.mapping.upstreamName,
            requestID: understood.incoming.id.description,
            outputLimit: admitted.outputLimit(at: route), instruction: route.foreign?.instruction,
            hasFixedTemperature: understood.scan.wantsTemperature && route.mapping.hasFixedTemperature && !route.isNative,
            estimated: isEstimated, cached: admitted.cached != nil, routing: understood.decision?.metadata)
    }
}
