internal import Crypto
internal import FoundationEssentials
internal import HTTPTypes
internal import HummingbirdCore
internal import Ledger
internal import NIOCore
internal import Web

/// A request as it came in: who says it is asking, and the bytes.
struct IncomingRequest: Sendable {
    /// Minted here, never taken from the client: it is the request's stream in the ledger.
    let id: RequestID
    /// The client's own `x-request-id`: metadata, echoed and searchable.
    let clientRequestID: String?
    let labels: ClientLabels
    /// SHA-256 of the bearer token; the token itself goes no further.
    let tokenDigest: [UInt8]
    let headers: HTTPFields
    let peerAddress: String?
    let eventLoop: any EventLoop
    let receivedAt: ContinuousClock.Instant
    let occurredAt: Timestamp
    /// What its body has taken of the room for all bodies; nil for a small one.
    var room: ByteBudget.Room?
}

extension IncomingRequest {
    /// Reads the head: the bearer token (or else `x-api-key`) and the client's request id.
    ///
    /// - Throws: 401 without a usable token, 400 for an `x-request-id` that is too long or not printable, or labels that can't be
    ///   kept.
    init(head request: Request, channel: any Channel, id: RequestID = .mint()) throws(GatewayError) {
        self.id = id
        receivedAt = .now
        occurredAt = .now
        headers = request.headers
        peerAddress = channel.remoteAddress?.ipAddress
        eventLoop = channel.eventLoop
        clientRequestID = try Self.clientRequestID(request.headers)
        labels = try ClientLabels(request.headers)
        tokenDigest = try Self.tokenDigest(request.headers)
    }

    static func clientRequestID(_ headers: HTTPFields) throws(GatewayError) -> String? {
        guard let name = HTTPField.Name("x-request-id"), let value = headers[name] else { return nil }
        guard (1...128).contains(value.utf8.count), value.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw GatewayError.invalid(
                "The x-request-id header must be 1 to 128 printable ASCII characters without spaces.", param: "x-request-id")
        }
        return value
    }

    static func tokenDigest(_ headers: HTTPFields) throws(GatewayError) -> [UInt8] {
        guard let token = bearerToken(headers) ?? apiKey(headers) else { throw GatewayError.missingKey }
        return Array(SHA256.hash(data: Data(token.utf8)))
    }

    private static func bearerToken(_ headers: HTTPFields) -> Substring? {
        let scheme = "bearer "
        guard let header = headers[.authorization], header.utf8.count > scheme.utf8.count, header.utf8.count <= 512,
            header.prefix(scheme.count).lowercased() == scheme
        else { return nil }
        return header.dropFirst(scheme.count).drop { $0 == " " }
    }

    /// What Anthropic's clients send. A proxy or a browser may have added an Authorization of its own to it.
    private static func apiKey(_ headers: HTTPFields) -> Substring? {
        guard let name = HTTPField.Name("x-api-key"), let token = headers[name], (1...512).contains(token.utf8.count) else {
            return nil
        }
        return token[...]
    }
}
