internal import Admission
internal import Catalogue
internal import CoreMetrics
internal import Dialects
internal import HummingbirdCore
internal import Ledger
internal import Logging
internal import Money
internal import NIOCore
internal import Synchronization

/// A stream on its way to the client: bytes go through as they come, the end waits for the outcome to be durable.
final class StreamedAnswer: Sendable {
    private struct State {
        let route: Route
        var tap: any StreamTap
        var firstByteAt: ContinuousClock.Instant?
        var isClientGone = false
        var isSettled = false
        /// What `begin` has read for the client.
        var head: [UInt8] = []
        /// Whether nothing more comes.
        var isOver = false
        /// Whether there was room for what waited for more of it.
        private(set) var hasRoom = true
        private var waiting: WaitingBytes
        /// What the provider has sent, where it is kept.
        private var completion: [UInt8]?

        init(route: Route, tap: any StreamTap, waiting: WaitingBytes, isKept: Bool) {
            self.route = route
            self.tap = tap
            self.waiting = waiting
            completion = isKept ? [] : nil
        }

        /// What may be kept of it: an error may quote the credential, in pieces that lie in several chunks, and one about the gateway's
        /// account is nobody's here.
        var kept: [UInt8]? {
            guard let error = tap.error else { return completion }
            return error.isOfAccount ? nil : completion.map { SentCredential(of: route).hidden(in: $0) }
        }

        mutating func feed(_ bytes: [UInt8], keptBytes limit: Int) -> [UInt8] {
            var output = tap.feed(bytes)
            // What comes before the first event is kept until there is one.
            hasRoom = waiting.add(bytes.count, isHeard: tap.hasBegun && !output.isEmpty)
            if tap.error != nil { output = SentCredential(of: route).hidden(in: output) }
            // One chunk beyond the limit shows that the answer is too long to be kept.
            if let count = completion?.count, count <= limit { completion?.append(contentsOf: bytes) }
            if !output.isEmpty, firstByteAt == nil { firstByteAt = .now }
            isOver = tap.isDone || tap.failure != nil || !hasRoom
            return output
        }

        /// What still goes to the client where nothing more comes.
        mutating func end() -> [UInt8] {
            let output = tap.end()
            return tap.error == nil ? output : SentCredential(of: route).hidden(in: output)
        }
    }

    private let gateway: Gateway
    private let admitted: AdmittedRequest
    private let opened: OpenedAnswer
    private let keptBytes: Int
    private let state: Mutex<State>

    init(gateway: Gateway, admitted: AdmittedRequest, opened: OpenedAnswer) {
        self.gateway = gateway
        self.admitted = admitted
        self.opened = opened
        let metadata = GatewayMetadata(admitted, route: opened.route, isEstimated: false)
        let route = opened.route
        let understood = admitted.understood
        let tap = understood.entered.tap(
            of: route, includeUsage: understood.scan.includeUsage, choices: understood.scan.choices
        ) { usage in
            let usage = usage.given(understood.images)
            let bill: Bill? = admitted.cached == nil ? try? route.price(of: usage) : Bill.none
            return ResponseAdditions(metadata: metadata, bill: bill, charged: bill.map(admitted.charge(for:)))
        }
        keptBytes = admitted.admission.isRetained ? gateway.payloads.maximumBytes : AnswerCache.maximumBytes
        let isKept = admitted.admission.isRetained || (admitted.cache != nil && admitted.cached == nil)
        state = Mutex(State(route: route, tap: tap, waiting: gateway.waiting(route, admitted), isKept: isKept))
    }

    /// Reads up to the first event: a stream that is an error from its start, or nothing at all, is no answer yet.
    func begin() async throws(UpstreamFailure) {
        var mayStop = false
        var isFirst = true
        while !mayStop {
            let bytes = try await opened.answer.next()
            // Some say in a whole answer that there is none.
            if isFirst, let bytes, let failure = await opened.answer.failure(beginningWith: bytes) { throw failure }
            isFirst = false
            mayStop = state.withLock { state in
                if let bytes {
                    state.head += state.feed(bytes, keptBytes: keptBytes)
                } else {
                    state.head += state.end()
                    state.isOver = true
                }
                return state.isOver || state.tap.hasBegun
            }
            // Comments are passed on, but nobody fills the memory with them before the first event.
            if !mayStop, state.withLock({ $0.head.count > SSETap.longestEvent }) { throw .noStream }
        }
        let (tap, hasRoom) = state.withLock { ($0.tap, $0.hasRoom) }
        guard hasRoom else { throw .noRoom }
        if let error = tap.startError { throw UpstreamFailure(said: error) }
        guard tap.hasBegun else {
            throw tap.failure == nil
                ? UpstreamFailure(kind: .interrupted, message: "The provider's stream ended before it began.")
                : .noStream
        }
    }

    /// The client is gone: stop the provider, so that no more is produced and paid for.
    func cancel() {
        state.withLock { $0.isClientGone = true }
        opened.answer.stop()
    }

    /// Sends the stream to its end, or throws when the client leaves or the outcome can't be recorded.
    @concurrent
    func relay(to body: inout some ResponseBodyWriter) async throws {
        var (output, isOver) = state.withLock { ($0.head, $0.isOver) }
        var failure: UpstreamFailure?
        while true {
            if !output.isEmpty { try await body.write(ByteBuffer(bytes: output)) }
            if isOver { break }
            do {
                guard let bytes = try await opened.answer.next() else { break }
                (output, isOver) = state.withLock { ($0.feed(bytes, keptBytes: keptBytes), $0.isOver) }
            } catch {
                failure = error
                break
            }
        }
        let rest = state.withLock { $0.end() }
        if !rest.isEmpty { try await body.write(ByteBuffer(bytes: rest)) }
        let (tap, isClientGone, hasRoom) = state.withLock { ($0.tap, $0.isClientGone, $0.hasRoom) }
        if isClientGone, !tap.isComplete { throw CancellationError() }
        if tap.isComplete {
            try await complete(tap, to: &body)
        } else {
            try await breakOff(tap, hasRoom ? failure : .noRoom, to: &body)
        }
    }

    /// Settles as cancelled a stream that was not settled: its client left, or never got the head.
    func abandon() async {
        let wasSettled = state.withLock { state in
            defer { state.isSettled = true }
            return state.isSettled
        }
        guard !wasSettled else { return }
        opened.answer.stop()
        gateway.note(opened.route, .neither)
        // What came until the provider was stopped was produced for this client, whether it got there or not.
        while let bytes = try? await opened.answer.next() { keep(bytes) }
        let (tap, firstByteAt, completion) = state.withLock { ($0.tap, $0.firstByteAt, $0.kept) }
        if tap.error?.isOfAccount == true { admitted.trace?.conceal() }
        let ending = Ending(
            kind: .cancelled, status: 499, route: opened.route,
            attempts: opened.attempts(error: "cancelled"),
            usage: usage(tap), isEstimated: tap.usage == nil,
            error: OutcomeError(type: "client_error", code: "request_cancelled"), unifiedFinishReason: .canceled,
            firstByteAt: firstByteAt, completion: completion)
        do {
            _ = try await Settler(gateway: gateway).settle(admitted, ending)
        } catch {
            gateway.logger.error(
                "a cancelled stream could not be settled", metadata: ["request": "\(admitted.understood.incoming.id)"])
        }
    }

    @concurrent
    private func complete(_ tap: any StreamTap, to body: inout some ResponseBodyWriter) async throws {
        let isEstimated = tap.usage == nil
        let usage = usage(tap)
        opened.noteAnswered(admitted, usage: usage, firstByteAt: state.withLock { $0.firstByteAt }, by: gateway)
        let settled = try await settle(
            Ending(
                kind: .completed, status: 200, route: opened.route,
                attempts: opened.attempts(error: nil), usage: usage,
                isEstimated: isEstimated, finishReason: tap.finishReasons.first,
                unifiedFinishReason: UnifiedFinishReason(finishReason: tap.finishReasons.first)))
        let completion = state.withLock { $0.kept }
        CacheStep(gateway: gateway).keep(
            completion, of: admitted, from: opened.route, tokens: tap.estimatedCompletionTokens, reasons: tap.finishReasons)
        var tap = tap
        let additions = ResponseAdditions(
            metadata: GatewayMetadata(admitted, route: opened.route, isEstimated: isEstimated), bill: settled.bill,
            charged: settled.charged)
        let last = tap.finish(estimated: isEstimated ? usage : nil, additions: additions)
        if let response = tap.response { try await gateway.keep(response, of: admitted) }
        try await body.write(ByteBuffer(bytes: last))
    }

    /// The provider broke off after bytes had gone out: what was produced is settled, then the client hears of it.
    @concurrent
    private func breakOff(_ tap: any StreamTap, _ failure: UpstreamFailure?, to body: inout some ResponseBodyWriter) async throws
    {
        var failure =
            failure
            ?? UpstreamFailure(
                kind: tap.failure == nil ? .interrupted : .malformed,
                message: "The provider's stream ended before it was complete.")
        failure.isBrokenOff = tap.error?.isBrokenOff ?? false
        let error = failure.clientError(route: opened.route)
        gateway.note(opened.route, failure.report)
        _ = try await settle(
            Ending(
                kind: .failed, status: 200, route: opened.route,
                attempts: opened.attempts(error: failure.kind.rawValue),
                usage: usage(tap), isEstimated: tap.usage == nil, error: failure.outcomeError,
                unifiedFinishReason: failure.unifiedFinishReason))
        // An error event of the provider itself has gone through already.
        if tap.error == nil { try await body.write(ByteBuffer(bytes: tap.event(error.answer))) }
    }

    private func settle(_ ending: Ending) async throws(GatewayError) -> SettledRequest {
        var ending = ending
        (ending.firstByteAt, ending.completion) = state.withLock { state in
            state.isSettled = true
            if state.tap.error?.isOfAccount == true { admitted.trace?.conceal() }
            return (state.firstByteAt, state.kept)
        }
        if let firstByteAt = ending.firstByteAt {
            gateway.metrics.timeToFirstToken.record(duration: firstByteAt - admitted.understood.incoming.receivedAt)
        }
        return try await Settler(gateway: gateway).settle(admitted, ending)
    }

    private func keep(_ bytes: [UInt8]) {
        state.withLock { _ = $0.feed(bytes, keptBytes: keptBytes) }
    }

    /// What was used: what the provider told, else an estimate, and the images that were given.
    private func usage(_ tap: any StreamTap) -> TokenUsage {
        (tap.usage ?? estimate(tap)).given(admitted.understood.images)
    }

    private func estimate(_ tap: any StreamTap) -> TokenUsage {
        // Some dialects tell the prompt's tokens first: what is known is not estimated.
        let prompt = admitted.understood.scan.settledPromptTokens(at: opened.route.mapping)
        var usage = tap.usageSoFar ?? opened.answer.usageSoFar ?? TokenUsage(promptTokens: prompt)
        // Nor does a request have none, whatever is told of it before its end.
        if usage.promptTokens == 0 { usage.promptTokens = prompt }
        usage.completionTokens = max(usage.completionTokens, tap.estimatedCompletionTokens)
        return usage
    }
}
