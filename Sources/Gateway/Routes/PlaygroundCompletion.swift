internal import Dialects
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import JSON
internal import NIOCore
internal import Web

/// `POST /chat/completion`: what the playground's page asks. The key is in the body, or in the cookie that
/// `/playground/ensure-key` has set, which is of use to the person who made it, while they are signed in; from there on it is a
/// chat completion like any other.
struct PlaygroundCompletion: Sendable {
    static let path = "/chat/completion"

    let completions: ChatCompletions
    /// Where the key stands in the body, that is read before anybody is known: no more than of any such route.
    private let bodies: BodyReader
    /// Whose pages may use the cookie.
    let origins: OriginCheck
    /// Whose key a cookie holds; nil lets nobody use one.
    let keys: (any PlaygroundKeys)?

    init(gateway: Gateway, origins: OriginCheck, keys: (any PlaygroundKeys)?) {
        completions = ChatCompletions(gateway: gateway, entrance: .playground)
        bodies = BodyReader(maximumBytes: WebBody.maximumBytes, budget: gateway.bodies.budget)
        self.origins = origins
        self.keys = keys
    }

    @concurrent
    func respond(
        to request: Request, writer: consuming ResponseWriter, channel: any Channel, date: String
    ) async throws {
        let readers = origins.fields(for: request)
        let inner: Request
        do throws(GatewayError) {
            inner = try await completion(request, channel: channel)
        } catch {
            try await writer.write(error, head: ResponseHead(date: date, readers: readers))
            return
        }
        try await completions.respond(to: inner, writer: writer, channel: channel, date: date, readers: readers)
    }

    /// The same request with the key where the gateway looks for it.
    private func completion(_ request: Request, channel: any Channel) async throws(GatewayError) -> Request {
        let (body, room) = try await bodyReader(for: request, channel: channel).read(request, channel: channel)
        defer { withExtendedLifetime(room) {} }
        let value: JSONValue
        do { value = try JSONValue(request: body) } catch {
            throw GatewayError.invalid("The body is not valid JSON: \(error).", param: nil)
        }
        guard let fields = value.fields else { throw GatewayError.invalid("The body must be a JSON object.", param: nil) }
        let token = try await key(fields, of: request, channel: channel)
        let asked = JSONValue.object(fields.filter { $0.name != Self.keyName }).bytes
        // The gateway reads it again and counts it: a stream lets go of what was read of it.
        let once = AsyncStream<ByteBuffer> { continuation in
            continuation.yield(ByteBuffer(bytes: asked))
            continuation.finish()
        }
        return Self.request(request, token: token, length: asked.count, body: RequestBody(asyncSequence: once))
    }

    /// Who shows a key that there is before anything of the body is read, may send as much as an application.
    private func bodyReader(for request: Request, channel: any Channel) async -> BodyReader {
        // A smaller one is read in any case, and may hold a key: an old cookie beside it would count as a token that nobody knows.
        if let declared = request.headers[.contentLength].flatMap(Int.init), declared <= WebBody.maximumBytes { return bodies }
        guard let token = request.cookie(PlaygroundCookie.name), !token.isEmpty else { return bodies }
        do throws(GatewayError) {
            let shown = Self.request(request, token: token, length: 0, body: RequestBody(buffer: ByteBuffer()))
            _ = try await AuthenticateStep(gateway: completions.gateway).authenticate(
                try IncomingRequest(head: shown, channel: channel))
            return completions.gateway.bodies
        } catch {
            return bodies
        }
    }

    /// The request with its key where an application's stands.
    private static func request(_ request: Request, token: String, length: Int, body: RequestBody) -> Request {
        var head = request.head
        head.headerFields[.authorization] = "Bearer \(token)"
        head.headerFields[.contentLength] = String(length)
        return Request(head: head, body: body)
    }

    private func key(
        _ fields: [JSONValue.Member], of request: Request, channel: any Channel
    ) async throws(GatewayError) -> String {
        let given = fields.filter { $0.name == Self.keyName }.map(\.value)
        if let value = given.last, value != .null {
            guard given.count == 1, let token = value.text, !token.isEmpty else {
                throw GatewayError.invalid("apiKey must be a string.", param: Self.keyName)
            }
            return token
        }
        guard let keys, let token = request.cookie(PlaygroundCookie.name), !token.isEmpty else {
            throw GatewayError.invalid(
                "An API key is needed: in apiKey, or from /playground/ensure-key in the browser's cookie.", param: Self.keyName)
        }
        do throws(WebError) {
            try origins.check(request)
            try await keys.check(
                token, of: request, WebContext(source: .init(channel: channel, logger: completions.gateway.logger)))
        } catch {
            throw GatewayError(
                APIError(status: error.status, message: error.message, code: error.code), retryAfter: error.retryAfter)
        }
        return token
    }

    private static let keyName = "apiKey"
}
