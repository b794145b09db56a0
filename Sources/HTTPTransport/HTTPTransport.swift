public import Logging
import Synchronization

/// An HTTP client over libcurl: one thread drives all transfers; connections are kept and shared.
///
/// Certificates are always verified, redirects are never followed, and nothing is taken from the environment.
public final class HTTPTransport: Sendable {
    private let inbox = Inbox()

    /// Starts the transport's thread. Should that fail, it is logged and every request answers `.shutDown`.
    public init(configuration: HTTPTransportConfiguration = HTTPTransportConfiguration(), logger: Logger) {
        ReactorThread.start(configuration: configuration, inbox: inbox, logger: logger)
    }

    deinit { inbox.push(.shutDown) }

    /// Sends a request and returns at the response head, whatever its status.
    ///
    /// Cancelling the task, here or while it reads the response, ends the transfer at once; a task that is cancelled already
    /// sends nothing. A kept connection that the server
    /// had closed is replaced by a new one, once and only if it shows within `repeatWithin` of sending.
    ///
    /// - Parameter started: is given, before the response head is waited for, what ends the transfer as
    ///   ``HTTPTransportResponse/stop()`` does.
    public func execute(
        _ request: HTTPTransportRequest, started: ((_ stop: @escaping @Sendable () -> Void) -> Void)? = nil
    ) async throws(HTTPTransportError) -> HTTPTransportResponse {
        if Task.isCancelled { throw HTTPTransportError(.cancelled, "the caller was cancelled before the transfer began") }
        let transfer = Transfer(try PreparedRequest(request), inbox: inbox)
        inbox.inFlight.add(1, ordering: .relaxed)
        guard inbox.push(.start(transfer)) else {
            inbox.inFlight.subtract(1, ordering: .relaxed)
            throw HTTPTransportError(.shutDown, "the transport is shut down")
        }
        if case .stream(_, let next) = request.body { transfer.startUpload(next) }
        started? { transfer.stop() }
        return HTTPTransportResponse(transfer, try await transfer.head())
    }

    /// Fails what is in flight with `.shutDown`, closes all connections and returns when the thread has ended.
    public func shutdown() async {
        inbox.push(.shutDown)
        await inbox.waitUntilClosed()
    }

    /// Transfers that are started and not at their end.
    public var inFlight: Int { inbox.inFlight.load(ordering: .relaxed) }

    /// Sockets that were opened since the start: how much of the traffic found a kept connection.
    public var connectionsOpened: Int { inbox.connectionsOpened.load(ordering: .relaxed) }
}
