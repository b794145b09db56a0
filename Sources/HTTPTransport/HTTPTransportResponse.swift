/// A response whose head has come and whose body may still be on its way.
///
/// One task at a time reads it. Letting go of it before the end cancels the transfer.
public final class HTTPTransportResponse: Sendable {
    public let status: Int
    /// Names in lower case, in the order in which they came; trailers are not among them.
    public let headers: [(String, String)]
    private let transfer: Transfer

    init(_ transfer: Transfer, _ head: ResponseHead) {
        self.transfer = transfer
        status = head.status
        headers = head.fields()
    }

    deinit { transfer.cancel() }

    /// The first value under that name, which is given in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.0 == name }?.1 }

    /// The bytes of the body that came since the last call, at least one; waits for them. Nil at the end of the body.
    ///
    /// While nobody takes them, about 64 KiB are kept and the server is made to wait; over HTTP/2 libcurl lets it send 32 MiB
    /// before that, and keeps them. What came before a failure is given before the failure is thrown.
    public func next() async throws(HTTPTransportError) -> [UInt8]? {
        let bytes = try await transfer.bytes()
        return bytes.isEmpty ? nil : bytes
    }

    /// The rest of the body; throws `.tooLarge`, and ends the transfer, when it has more than `limit` bytes.
    ///
    /// - Parameter hasRoom: Asked with the bytes that there are by now before they are kept; when it says no, the transfer is ended
    ///   and `.noRoom` thrown.
    public func collect(
        upTo limit: Int, whenRoom hasRoom: (Int) -> Bool = { _ in true }
    ) async throws(HTTPTransportError) -> [UInt8] {
        var all = try await transfer.bytes()
        while true {
            if all.count > limit {
                transfer.cancel()
                throw HTTPTransportError(.tooLarge, "the body is larger than \(limit) bytes", sentRequest: true)
            }
            guard !all.isEmpty else { return all }
            guard hasRoom(all.count) else {
                transfer.cancel()
                throw HTTPTransportError(.noRoom, "there is no room for the body", sentRequest: true)
            }
            let more = try await transfer.bytes()
            if more.isEmpty { return all }
            all.append(contentsOf: more)
        }
    }

    /// Ends the transfer at once: closes an HTTP/1.1 connection, resets an HTTP/2 stream. A waiting reader gets `.cancelled`.
    public func cancel() { transfer.cancel() }

    /// Ends the transfer as ``cancel()`` does, but what the server's bytes said until then is not let go: a reader gets all that
    /// came before the connection was closed, and then `.cancelled`.
    public func stop() { transfer.stop() }
}
