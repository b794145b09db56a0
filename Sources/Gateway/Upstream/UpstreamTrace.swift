internal import Catalogue
internal import HTTPTransport
internal import HTTPTypes
internal import Synchronization

/// What went to the provider that was asked last and what it answered, byte by byte, for a client that wants to see it.
///
/// Bodies alone: addresses and headers are where credentials stand.
final class UpstreamTrace: Sendable {
    private struct State {
        var credential: SentCredential?
        var request: [UInt8]?
        var answer: [UInt8] = []
        var isRequestTooLong = false
        var isAnswerTooLong = false
        var isConcealed = false
    }

    private static let header = HTTPField.Name("x-debug")

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: The longest body that is kept, in bytes.
    /// - Returns: nil where the client does not ask for it.
    init?(askedFor headers: HTTPFields, limit: Int) {
        guard let name = Self.header, headers[name]?.lowercased() == "true" else { return nil }
        self.limit = limit
    }

    /// Another provider is asked, with the credential of `account`; what was before is let go.
    func begin(_ request: [UInt8], from account: Provider.Account) {
        // What is too long to be kept is not held until the end either: files and images may stand in it.
        let isTooLong = request.count > limit
        let state = State(
            credential: SentCredential(of: account), request: isTooLong ? nil : request, isRequestTooLong: isTooLong)
        self.state.withLock { $0 = state }
    }

    func add(_ bytes: [UInt8]) {
        state.withLock { state in
            guard !state.isAnswerTooLong else { return }
            if state.answer.count + bytes.count > limit {
                state.isAnswerTooLong = true
                state.answer = []
            } else {
                state.answer += bytes
            }
        }
    }

    /// The answer is about the gateway's own account, and nobody's here.
    func conceal() { state.withLock { $0.isConcealed = true } }

    /// What may be kept: an answer may quote the credential. How many were too long for it.
    var kept: (request: [UInt8]?, answer: [UInt8]?, tooLong: Int) {
        let state = state.withLock { $0 }
        let isAnswerTooLong = state.isAnswerTooLong && !state.isConcealed
        let tooLong = (state.isRequestTooLong ? 1 : 0) + (isAnswerTooLong ? 1 : 0)
        guard !state.isConcealed, !state.answer.isEmpty, let credential = state.credential else {
            return (state.request, nil, tooLong)
        }
        return (state.request, credential.hidden(in: state.answer), tooLong)
    }
}

/// A provider's response, of which a trace hears all that is read.
struct UpstreamResponse: Sendable {
    let response: HTTPTransportResponse
    let trace: UpstreamTrace?

    var status: Int { response.status }

    func header(_ name: String) -> String? { response.header(name) }

    func next() async throws(HTTPTransportError) -> [UInt8]? {
        let bytes = try await response.next()
        if let trace, let bytes { trace.add(bytes) }
        return bytes
    }

    func collect(
        upTo limit: Int, whenRoom hasRoom: (Int) -> Bool = { _ in true }
    ) async throws(HTTPTransportError) -> [UInt8] {
        let body = try await response.collect(upTo: limit, whenRoom: hasRoom)
        trace?.add(body)
        return body
    }

    func cancel() { response.cancel() }

    func stop() { response.stop() }
}
