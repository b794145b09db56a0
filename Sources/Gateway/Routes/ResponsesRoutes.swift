internal import Admission
internal import Dialects
internal import HTTPTypes
internal import Hummingbird
internal import Ledger
internal import Logging
internal import NIOCore

/// `GET` and `DELETE /v1/responses/{id}`: an answer that is kept.
struct ResponsesRoutes: Sendable {
    let gateway: Gateway

    func add(to router: Router<GatewayRequestContext>) {
        router.get("/v1/responses/:id") { request, context in
            guard [nil, "false"].contains(request.uri.queryParameters["stream"]) else {
                throw GatewayError.invalid("A response that was kept comes whole and not as a stream.", param: "stream")
            }
            return try await answer(request, context) { id, project in
                try await gateway.responses.read(id, of: project)?.body
            }
        }
        router.delete("/v1/responses/:id") { request, context in
            try await answer(request, context) { id, project -> [UInt8]? in
                guard try await gateway.responses.delete(id, of: project) else { return nil }
                return Array(#"{"id":"\#(id.response)","object":"response","deleted":true}"#.utf8)
            }
        }
    }

    private func answer(
        _ request: Request, _ context: GatewayRequestContext,
        _ body: (Ledger.RequestID, ProjectID) async throws -> [UInt8]?
    ) async throws(GatewayError) -> Response {
        let incoming = try IncomingRequest(head: request, channel: context.channel)
        let address = try await QuotaRoutes(gateway: gateway).active(incoming)
        let found: [UInt8]?
        do {
            if let id = Ledger.RequestID(response: context.parameters.get("id") ?? "") {
                found = try await body(id, address.project)
            } else {
                found = nil
            }
        } catch {
            gateway.logger.warning("a kept answer could not be read", metadata: ["error": "\(error)"])
            throw GatewayError.unavailable("Kept answers can't be read now; try again shortly.")
        }
        guard let found else { throw Self.notFound }
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: found)))
    }

    static let notFound = GatewayError(
        .init(status: 404, message: "There is no such response; it may not have been stored, or be older than 30 days."))
}

extension Ledger.RequestID {
    /// The id of the answer to this request.
    var response: String { "resp_" + description.drop { $0 != "_" }.dropFirst() }

    init?(response: String) {
        guard response.hasPrefix("resp_") else { return nil }
        self.init("req_" + response.dropFirst(5))
    }
}
