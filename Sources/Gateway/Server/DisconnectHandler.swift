internal import NIOCore
internal import NIOHTTPTypes
internal import Synchronization

/// Tells the request in progress that its client has gone, even while the upstream is silent.
///
/// Hummingbird notices a client that leaves only at the next write; an idle stream would stay open, and be paid for.
/// A client that closes just its sending side (a legal half-close after a complete request) counts as gone too: no
/// SDK of this API does so, and the two can't be told apart before a write fails.
final class DisconnectHandler: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    private struct State {
        var isGone = false
        var onDisconnect: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Calls `action` once when the client goes, or at once when it has gone.
    func whenGone(_ action: @escaping @Sendable () -> Void) {
        let isGone = state.withLock { state in
            if !state.isGone { state.onDisconnect = action }
            return state.isGone
        }
        if isGone { action() }
    }

    /// Forgets the action: the request that set it is finished, the connection may go on.
    func forget() {
        state.withLock { $0.onDisconnect = nil }
    }

    var isGone: Bool { state.withLock { $0.isGone } }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { gone() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        gone()
        context.fireChannelInactive()
    }

    private func gone() {
        let action = state.withLock { state in
            state.isGone = true
            defer { state.onDisconnect = nil }
            return state.onDisconnect
        }
        action?()
    }
}
