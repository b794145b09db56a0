/// A response whose head has come and whose body may still be on its way.
///
/// Letting go of it before the end cancels the transfer.
public final class HTTPTransportResponse: Sendable {
    public let status: Int
    /// Names in lower case, in the order in which they came.
    public let headers: [(String, String)]

    init(status: Int, headers: [(String, String)]) {
        self.status = status
        self.headers = headers
    }

    /// The first value under that name, which is given in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.0 == name }?.1 }

    /// The bytes of the body that came since the last call, at least one; waits for them. Nil at the end of the body.
    public func next() async throws(HTTPTransportError) -> [UInt8]? { preconditionFailure("not built yet") }

    /// The rest of the body; `.tooLarge`, and the transfer ended, when it has more bytes than the limit.
    public func collect(upTo limit: Int) async throws(HTTPTransportError) -> [UInt8] { preconditionFailure("not built yet") }

    /// Ends the transfer at once: closes an HTTP/1.1 connection, resets an HTTP/2 stream.
    public func cancel() {}
}
