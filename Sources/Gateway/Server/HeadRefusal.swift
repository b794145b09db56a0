internal import Dialects
internal import NIOCore
internal import NIOHTTP1

/// What is answered to a head that no route gets to see.
struct HeadRefusal {
    private let error: GatewayError
    /// Whether the answer has no body.
    private let isHead: Bool

    init(_ error: GatewayError, to head: HTTPRequestHead) {
        self.error = error
        isHead = head.method == .HEAD
    }

    /// Says what the parser found.
    init(_ error: HTTPParserError) {
        isHead = false
        // The parser does not tell where it was, so a path that is too long is called so, too.
        self.error =
            if case .headerOverflow = error {
                GatewayError(
                    APIError(status: 431, message: "The path or the headers of the request are too many or too large."))
            } else {
                .invalid("The request can't be read: it does not keep to HTTP/1.1.", param: nil)
            }
    }

    /// The last answer of a connection.
    func parts(date: String) -> [HTTPServerResponsePart] {
        let body = Entrance.chat.json(error.answer, of: nil)
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: error.status),
            headers: [
                "content-type": "application/json", "content-length": String(body.count), "date": date, "connection": "close",
            ])
        var parts: [HTTPServerResponsePart] = [.head(head)]
        if !isHead { parts.append(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
        parts.append(.end(nil))
        return parts
    }
}
