internal import Dialects
internal import HTTPTransport
internal import Money

/// What a provider answers with: a status, some headers, and a body that comes in chunks.
enum UpstreamAnswer: Sendable {
    case http(UpstreamResponse)
    case echo(EchoStream)
    /// What a provider answered before.
    case replayed(ReplayedAnswer)
    /// An answer in another dialect, read as OpenAI's.
    case foreign(TranslatedAnswer)

    /// The HTTP status.
    var status: Int {
        switch self {
        case .http(let response): response.status
        case .echo, .replayed: 200
        case .foreign(let answer): answer.response.status
        }
    }

    /// The first value of the header `name`, in any case of letters.
    func header(_ name: String) -> String? {
        switch self {
        case .http(let response): response.header(name)
        case .echo, .replayed: nil
        case .foreign(let answer): answer.response.header(name)
        }
    }

    /// The next bytes of the body, nil at its end.
    func next() async throws(UpstreamFailure) -> [UInt8]? {
        switch self {
        case .http(let response):
            do { return try await response.next() } catch { throw UpstreamFailure(error) }
        case .echo(let answer):
            return answer.next()
        case .replayed(let answer):
            return answer.next()
        case .foreign(let answer):
            return try await answer.next()
        }
    }

    /// The whole body.
    ///
    /// - Throws: `tooLarge` when it is larger than `limit` bytes, `noRoom` where `hasRoom`, which is asked as it grows, says so.
    func collect(
        upTo limit: Int, whenRoom hasRoom: (Int) -> Bool = { _ in true }
    ) async throws(UpstreamFailure) -> [UInt8] {
        switch self {
        case .http(let response):
            do { return try await response.collect(upTo: limit, whenRoom: hasRoom) } catch { throw UpstreamFailure(error) }
        case .echo(let answer):
            var body: [UInt8] = []
            while let chunk = answer.next() { body += chunk }
            return body
        case .replayed(let answer):
            return answer.collect()
        case .foreign(let answer):
            return try await answer.collect(upTo: limit, whenRoom: hasRoom)
        }
    }

    /// What the provider has told of the usage before its answer was whole; nil where its dialect tells it only at the end.
    var usageSoFar: TokenUsage? {
        switch self {
        case .http, .echo, .replayed: nil
        case .foreign(let answer): answer.usage
        }
    }

    /// What a provider says of its refusal, within bounds.
    func refusal() async -> UpstreamFailure {
        var status = status
        var body: [UInt8]
        let retryAfter: Int?
        switch self {
        case .foreign(let answer):
            let own = (try? await answer.response.collect(upTo: Self.refusalBytes)) ?? []
            let said = answer.refusal(own)
            (status, body) = (said.status, said.json)
            retryAfter = RetryAfter.seconds(header: header("retry-after"), body: own)
        case .http, .echo, .replayed:
            body = (try? await collect(upTo: Self.refusalBytes)) ?? []
            retryAfter = RetryAfter.seconds(header: header("retry-after"), body: body)
        }
        cancel()
        // What is wrong with the account is no fault of the client's, whatever status it came with.
        let said = APIError.upstream(status: status, body: body, provider: "The provider")
        if said.isOfAccount { (status, body) = (said.status, said.json) }
        return UpstreamFailure(
            kind: .status, message: "The provider answered with status \(status).", status: status, body: body,
            retryAfter: retryAfter)
    }

    /// What is wrong with the answer where a stream should begin with `bytes` and JSON does; nil where a stream may.
    func failure(beginningWith bytes: [UInt8]) async -> UpstreamFailure? {
        guard case .http(let response) = self, Self.isJSON(bytes) else { return nil }
        let body = bytes + ((try? await response.collect(upTo: Self.refusalBytes)) ?? [])
        let said = (try? ChatResponseScan(body))?.error
        return said.map { UpstreamFailure(said: $0) } ?? .noStream
    }

    /// Whether an answer begins as JSON does, whatever type it names. No line of an event begins so.
    static func isJSON(_ bytes: [UInt8]) -> Bool {
        let first = bytes.first { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        return first == UInt8(ascii: "{")
    }

    static let refusalBytes = 64 * 1024

    /// Aborts the transfer: nothing more is generated for it.
    func cancel() {
        switch self {
        case .http(let response): response.cancel()
        case .foreign(let answer): answer.response.cancel()
        case .echo(let answer): answer.stop()
        case .replayed(let answer): answer.stop()
        }
    }

    /// Aborts the transfer, but ``next()`` still gives what came until then, before it throws or answers nil.
    func stop() {
        switch self {
        case .http(let response): response.stop()
        case .foreign(let answer): answer.response.stop()
        case .echo(let answer): answer.stop()
        case .replayed(let answer): answer.stop()
        }
    }
}

/// Why a provider gave no usable answer.
struct UpstreamFailure: Error, Sendable {
    enum Kind: String, Sendable {
        case connect, timeout, interrupted, malformed, status, cancelled
        /// More bytes than a gateway takes: the provider answered well, and every other would as well.
        case tooLarge = "too_large"
        /// The answers that are read now take all the memory that they may: the provider answered well.
        case noRoom = "no_room"
        /// Nothing could be sent that the provider would understand; `status` and `body` are what the client is told.
        case request
    }

    var kind: Kind
    var message: String
    /// The provider's own status, when it answered with one.
    var status: Int?
    /// The body that came with `status`.
    var body: [UInt8] = []
    /// Seconds that the provider asks to wait.
    var retryAfter: Int?
    /// Whether the provider may have begun to work on the request.
    var sentRequest = false
    /// Whether a model broke its answer off, which a client's tools can make it do: no other client is to suffer for it.
    var isBrokenOff = false

    /// What it says about the account that was used: a client's own fault shows that the provider answers.
    var report: Circuits.Report {
        guard !isBrokenOff else { return .answered }
        guard kind != .cancelled, kind != .request else { return .neither }
        return isProvidersFault ? .fault(retryAfter: retryAfter) : .answered
    }

    /// Whether another route may do better: where the provider failed, or can't be asked for what the client wants.
    var mayGoElsewhere: Bool { isProvidersFault || kind == .request }

    /// Whether the provider may have said that the request is too long for it: the statuses that it has for that are others' too.
    var mayBeOfLength: Bool { kind == .status && (status == 400 || status == 413) }

    /// Whether it is about the gateway's own account at the provider.
    var isOfAccount: Bool { status.map { APIError(status: $0, message: "").isOfAccount } ?? false }

    /// Whether it says something against the provider, and not against the client.
    var isProvidersFault: Bool {
        switch kind {
        case .connect, .timeout, .interrupted, .malformed: true
        case .status: status.map { $0 >= 500 || [401, 402, 403, 404, 405, 408, 429].contains($0) } ?? true
        case .cancelled, .request, .tooLarge, .noRoom: false
        }
    }
}

extension UpstreamFailure {
    static let noStream = UpstreamFailure(kind: .malformed, message: "The provider's stream begins with what is no event.")

    /// Answers take all that they may.
    static let noRoom = UpstreamFailure(kind: .noRoom, message: "There is no room for an event of the stream.")

    /// There is no memory for what must be fetched before anything can be sent.
    static var overloaded: UpstreamFailure {
        let error = GatewayError.overloaded
        var failure = UpstreamFailure(error.answer)
        failure.retryAfter = error.retryAfter
        return failure
    }

    /// What the client sent can't go to the provider.
    init(_ error: APIError) {
        self.init(kind: .request, message: error.message, status: error.status, body: error.json)
    }

    /// What a provider said in the place of an answer, whose status had promised one: as if that had been the error's.
    init(said error: APIError) {
        let error = error.told
        self.init(kind: .status, message: "The provider answered with an error.", status: error.status, body: error.json)
        isBrokenOff = error.isBrokenOff
    }

    /// What came in the place of an answer's head. One that is too large says nothing of the answer: nobody could have asked for less.
    init(head error: HTTPTransportError) {
        self.init(error)
        if kind == .tooLarge { kind = .malformed }
    }

    init(_ error: HTTPTransportError) {
        message = error.message
        sentRequest = error.sentRequest
        kind =
            switch error.code {
            case .connectFailed, .resolveFailed, .tlsFailed, .addressRefused, .invalidRequest: .connect
            case .connectDeadline, .firstByteDeadline, .idleDeadline, .totalDeadline: .timeout
            case .reset, .truncated: .interrupted
            case .protocolError: .malformed
            case .tooLarge: .tooLarge
            case .noRoom: .noRoom
            case .cancelled, .shutDown: .cancelled
            }
    }
}
