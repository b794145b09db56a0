internal import Admission
internal import Dialects
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// `POST /v1/messages/count_tokens`: how many tokens a Messages request has, without asking anybody.
///
/// It is the gateway's own estimate, the same that a settlement without a provider's count takes, for every model alike.
struct CountTokensRoute: Sendable {
    let gateway: Gateway

    func add(to router: Router<GatewayRequestContext>) {
        router.post("/v1/messages/count_tokens") { request, context in
            do throws(GatewayError) {
                let tokens = try await count(request, channel: context.channel)
                return Response(
                    status: .ok, headers: [.contentType: "application/json"],
                    body: .init(byteBuffer: ByteBuffer(string: "{\"input_tokens\":\(tokens)}")))
            } catch {
                return error.response(to: .messages)
            }
        }
    }

    private func count(_ request: Request, channel: any Channel) async throws(GatewayError) -> Int64 {
        var incoming = try IncomingRequest(head: request, channel: channel)
        let address = try await AuthenticateStep(gateway: gateway).authenticate(incoming)
        let body: [UInt8]
        (body, incoming.room) = try await gateway.bodies.read(request, channel: channel, of: address.organization)
        // It costs as much reading as a completion does.
        guard await gateway.line.enter() else { throw GatewayError.overloaded }
        defer { gateway.line.leave() }
        let translation: MessagesTranslation
        do { translation = try MessagesTranslation(body, counting: true) } catch { throw GatewayError(error) }
        let understood = try await UnderstandStep(gateway: gateway).understand(
            incoming, address: address, entered: EnteredRequest(counting: translation))
        try await AdmitStep(gateway: gateway).inspect(understood)
        return understood.scan.estimatedPromptTokens
    }
}
