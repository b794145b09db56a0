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

/// `POST /v1/chat/completions`, `POST /v1/messages` for clients of Anthropic's format, `POST /v1/responses`, embeddings,
/// moderations and images: authenticate, understand, admit, relay, settle; one way through, never back.
struct ChatCompletions: Sendable {
    let gateway: Gateway
    var entrance = Entrance.chat

    // Concurrent, as Hummingbird's writers are, so that a writer never crosses an isolation; the task's executor is the
    // connection's event loop all the same.
    @concurrent
    func respond(
        to request: Request, writer: consuming ResponseWriter, channel: any Channel, date: String
    ) async throws {
        let began = ContinuousClock.now
        let inFlight = gateway.metrics.began()
        var status = 500
        defer { gateway.metrics.ended(status: status, after: ContinuousClock.now - began) }
        var head = ResponseHead(date: date)
        let answer: Answer
        do throws(GatewayError) {
            guard inFlight <= gateway.configuration.maximumInFlight, !gateway.line.isFull else { throw shed() }
            answer = try await self.answer(request, channel: channel, head: &head)
        } catch {
            status = error.status
            try await writer.write(error, head: head, to: entrance)
            return
        }
        switch answer {
        case .whole(let body):
            status = 200
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
        case whole(ByteBuffer)
        case stream(StreamedAnswer)
    }

    private func answer(_ request: Request, channel: any Channel, head: inout ResponseHead) async throws(GatewayError) -> Answer {
        var incoming = try IncomingRequest(head: request, channel: channel)
        head.requestID = incoming.id
        head.clientRequestID = incoming.clientRequestID
        let address = try await AuthenticateStep(gateway: gateway).authenticate(incoming)
        let body: [UInt8]
        (body, incoming.room) = try await gateway.bodies.read(request, channel: channel)
        var model: String?
        let admitted: AdmittedRequest
        guard await gateway.line.enter() else { throw shed() }
        do {
            defer { gateway.line.leave() }
            let entered = try EnteredRequest(
                body, headers: incoming.headers, by: entrance, history: try await history(body, of: address), id: incoming.id,
                at: incoming.occurredAt)
            let understood = try await UnderstandStep(gateway: gateway).understand(
                incoming, address: address, entered: entered)
            model = understood.requestedModel
            admitted = try await AdmitStep(gateway: gateway).admit(understood)
        } catch {
            // Shed load and lost servers are not the client's doing: they only count in metrics.
            if error.status < 500 {
                await gateway.denials.record(error, model: model, address: address, at: incoming.occurredAt)
            }
            throw error
        }
        head.isCached = admitted.cached != nil
        guard admitted.understood.isStreamed else { return .whole(try await whole(admitted)) }
        return .stream(try await stream(admitted, disconnects: Self.disconnects(of: channel)))
    }

    /// Reads the whole answer of the first route that gives a readable one, settles it, and hands it on.
    private func whole(_ admitted: AdmittedRequest) async throws(GatewayError) -> ByteBuffer {
        let relay = RelayStep(gateway: gateway)
        var attempts: [Attempt] = []
        var index = 0
        while true {
            do {
                let (opened, at) = try await relay.open(admitted, from: index, earlier: attempts)
                switch await read(opened, of: admitted.understood.entered) {
                case .success(let (body, scan)):
                    return try await settleWhole(admitted, opened, body: body, scan: scan)
                case .failure(let failure):
                    gateway.note(opened.route, failure.report)
                    attempts = opened.attempts + [opened.attempt(status: opened.answer.status, error: failure.kind.rawValue)]
                    index = at + 1
                    guard failure.isProvidersFault, index < admitted.understood.routes.count else {
                        throw RelayFailure(failure: failure, route: opened.route, attempts: attempts)
                    }
                }
            } catch let failure as RelayFailure {
                throw await settleFailure(admitted, failure)
            } catch let error as GatewayError {
                throw error
            } catch {
                throw GatewayError.unavailable("The request could not be relayed.")
            }
        }
    }

    private func read(_ opened: OpenedAnswer, of entered: EnteredRequest) async -> Result<
        ([UInt8], any AnswerScan), UpstreamFailure
    > {
        do {
            let body = try await opened.answer.collect(upTo: gateway.configuration.maximumAnswerBytes)
            let scan = try entered.scan(body, of: opened.route)
            if let error = scan.error { return .failure(UpstreamFailure(said: error)) }
            return .success((body, scan))
        } catch let failure as UpstreamFailure {
            return .failure(failure)
        } catch {
            return .failure(UpstreamFailure(kind: .malformed, message: "The provider's answer can't be read."))
        }
    }

    private func settleWhole(
        _ admitted: AdmittedRequest, _ opened: OpenedAnswer, body: [UInt8], scan: any AnswerScan
    ) async throws(GatewayError) -> ByteBuffer {
        let understood = admitted.understood
        let usage = Self.usage(scan, of: understood, at: opened.route)
        let ending = Ending(
            kind: .completed, status: 200, route: opened.route,
            attempts: opened.attempts + [opened.attempt(status: opened.answer.status, error: nil)], usage: usage.value,
            isEstimated: usage.isEstimated, finishReason: scan.finishReasons.first,
            unifiedFinishReason: entrance.kind == .chat
                ? UnifiedFinishReason(finishReason: scan.finishReasons.first) : .completed,
            completion: body)
        opened.noteAnswered(admitted, usage: ending.usage, firstByteAt: nil, by: gateway)
        let settled = try await Settler(gateway: gateway).settle(admitted, ending)
        CacheStep(gateway: gateway).keep(body, of: admitted, from: opened.route, tokens: scan.estimatedCompletionTokens)
        let additions = ResponseAdditions(
            metadata: GatewayMetadata(admitted, route: opened.route, isEstimated: usage.isEstimated), bill: settled.bill,
            estimatedUsage: scan.usage == nil ? usage.value : nil)
        let answer = scan.answer(additions, body: body)
        if understood.entered.responses != nil { try await gateway.keep(answer, of: admitted) }
        return ByteBuffer(bytes: answer)
    }

    /// What was used: what the provider told, and the images that were made; of tokens that it did not tell an estimate, but where
    /// tokens cost nothing and an image has its price.
    private static func usage(
        _ scan: any AnswerScan, of understood: UnderstoodRequest, at route: Route
    ) -> (value: TokenUsage, isEstimated: Bool) {
        let images = scan.generatedImages
        if var told = scan.usage {
            told.generatedImages = images
            return (told, false)
        }
        if images > 0, route.mapping.prices.hasFreeTokens, route.mapping.costs.hasFreeTokens {
            return (TokenUsage(generatedImages: images), false)
        }
        let drawn = images * TokenBound.perGeneratedImage
        let estimate = TokenUsage(
            promptTokens: understood.scan.estimatedPromptTokens,
            completionTokens: max(scan.estimatedCompletionTokens, drawn), imageOutputTokens: drawn, generatedImages: images)
        return (estimate, true)
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

    /// Records that nothing was produced, and says what the client is told.
    private func settleFailure(_ admitted: AdmittedRequest, _ failure: RelayFailure) async -> GatewayError {
        let error = failure.failure.clientError(route: failure.route)
        let ending = Ending(
            kind: .failed, status: error.status, route: nil, attempts: failure.attempts, error: failure.failure.outcomeError,
            unifiedFinishReason: failure.failure.unifiedFinishReason)
        do {
            _ = try await Settler(gateway: gateway).settle(admitted, ending)
            return error
        } catch {
            return error
        }
    }

    /// Records that the client left before anything came: where the provider was asked already, it may bill the prompt.
    private func settleLeft(_ admitted: AdmittedRequest, _ failure: RelayFailure) async -> GatewayError {
        let ending = Ending(
            kind: .cancelled, status: 499, route: failure.failure.sentRequest ? failure.route : nil, attempts: failure.attempts,
            usage: .init(promptTokens: admitted.understood.scan.estimatedPromptTokens), isEstimated: true,
            error: OutcomeError(type: "client_error", code: "request_cancelled"), unifiedFinishReason: .canceled)
        _ = try? await Settler(gateway: gateway).settle(admitted, ending)
        return failure.failure.clientError(route: failure.route)
    }

    /// The first route whose stream begins, with what it begins with at hand.
    private func stream(
        _ admitted: AdmittedRequest, disconnects: DisconnectHandler?
    ) async throws(GatewayError) -> StreamedAnswer {
        let relay = RelayStep(gateway: gateway, disconnects: disconnects)
        defer { disconnects?.forget() }
        var attempts: [Attempt] = []
        var index = 0
        while true {
            do {
                let (opened, at) = try await relay.open(admitted, from: index, earlier: attempts)
                do {
                    let answer = StreamedAnswer(gateway: gateway, admitted: admitted, opened: opened)
                    try await answer.begin()
                    return answer
                } catch {
                    gateway.note(opened.route, error.report)
                    attempts = opened.attempts + [opened.attempt(status: opened.answer.status, error: error.kind.rawValue)]
                    index = at + 1
                    guard error.isProvidersFault, index < admitted.understood.routes.count else {
                        throw RelayFailure(failure: error, route: opened.route, attempts: attempts)
                    }
                }
            } catch let failure as RelayFailure {
                if failure.failure.kind == .cancelled, disconnects?.isGone == true {
                    throw await settleLeft(admitted, failure)
                }
                throw await settleFailure(admitted, failure)
            } catch {
                throw GatewayError.unavailable("The request could not be relayed.")
            }
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
            outputLimit: admitted.outputLimit(at: route),
            estimated: isEstimated, cached: admitted.cached != nil, routing: understood.decision?.metadata)
    }
}
