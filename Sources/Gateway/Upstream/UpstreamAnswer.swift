internal import Dialects
internal import HTTPTransport

/// What a provider answers with: a status, some headers, and a body that comes in chunks.
enum UpstreamAnswer: Sendable {
    case http(HTTPTransportResponse)
    case echo(EchoStream)

    /// The HTTP status.
    var status: Int {
        switch self {
        case .http(let response): response.status
        case .echo: 200
        }
    }

    /// The first value of the header `name`, in any case of letters.
    func header(_ name: String) -> String? {
        switch self {
        case .http(let response): response.header(name)
        case .echo: nil
        }
    }

    /// The next bytes of the body, nil at its end.
    func next() async throws(UpstreamFailure) -> [UInt8]? {
        switch self {
        case .http(let response):
            do { return try await response.next() } catch { throw UpstreamFailure(error) }
        case .echo(let answer):
            return answer.next()
        }
    }

    /// The whole body.
    ///
    /// - Throws: `malformed` when it is larger than `limit` bytes.
    func collect(upTo limit: Int) async throws(UpstreamFailure) -> [UInt8] {
        switch self {
        case .http(let response):
            do { return try await response.collect(upTo: limit) } catch { throw UpstreamFailure(error) }
        case .echo(let answer):
            var body: [UInt8] = []
            while let chunk = answer.next() { body += chunk }
            return body
        }
    }

    /// Aborts the transfer: nothing more is generated for it.
    func cancel() {
        switch self {
        case .http(let response): response.cancel()
        case .echo(let answer): answer.stop()
        }
    }

    /// Aborts the transfer, but ``next()`` still gives what came until then, before it throws or answers nil.
    func stop() {
        switch self {
        case .http(let response): response.stop()
        case .echo(let answer): answer.stop()
        }
    }
}

/// Why a provider gave no usable answer.
struct UpstreamFailure: Error, Sendable {
    enum Kind: String, Sendable {
        case connect, timeout, interrupted, malformed, status, cancelled
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

    /// Whether another route may do better: the provider's fault, not the client's.
    var isProvidersFault: Bool {
        switch kind {
        case .connect, .timeout, .interrupted, .malformed: true
        case .status: status.map { $0 >= 500 || [401, 403, 404, 405, 408, 429].contains($0) } ?? true
        case .cancelled: false
        }
    }
}

extension UpstreamFailure {
    init(_ error: HTTPTransportError) {
        message = error.message
        sentRequest = error.sentRequest
        kind =
            switch error.code {
            case .connectFailed, .resolveFailed, .tlsFailed, .addressRefused, .invalidRequest: .connect
            case .connectDeadline, .firstByteDeadline, .idleDeadline, .totalDeadline: .timeout
            case .reset, .truncated: .interrupted
            case .protocolError, .tooLarge: .malformed
            case .cancelled, .shutDown: .cancelled
            }
    }
}
