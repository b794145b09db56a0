internal import Dialects
internal import Synchronization

/// The built-in provider's answer, shared between the step that relays it and the one that reads its head.
final class EchoStream: Sendable {
    private struct State {
        var provider: EchoProvider
        var isStopped = false
    }

    private let state: Mutex<State>

    /// - Throws: what the built-in provider refuses.
    init(body: [UInt8], id: String, created: Int64) throws(UpstreamFailure) {
        do {
            state = Mutex(State(provider: try EchoProvider(request: body, id: id, created: created)))
        } catch {
            throw UpstreamFailure(kind: .status, message: error.message, status: error.status, body: error.json)
        }
    }

    /// The next bytes, nil at the end.
    func next() -> [UInt8]? { state.withLock { $0.isStopped ? nil : $0.provider.next() } }

    /// Says no more.
    func stop() { state.withLock { $0.isStopped = true } }
}
