public import Logging

/// An HTTP client over libcurl: one thread drives all transfers; connections are kept and shared.
public final class HTTPTransport: Sendable {
    public init(configuration: HTTPTransportConfiguration = HTTPTransportConfiguration(), logger: Logger) {}

    /// Sends a request and returns at the response head. Cancelling the task ends the transfer.
    public func execute(_ request: HTTPTransportRequest) async throws(HTTPTransportError) -> HTTPTransportResponse {
        preconditionFailure("not built yet")
    }

    /// Fails what is in flight with `.shutDown`, closes all connections and ends the thread.
    public func shutdown() async {}

    /// Transfers that are started and not at their end.
    public var inFlight: Int { 0 }
}
