internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
public import Logging
public import NIOCore
public import ServiceLifecycle
public import Web

/// The HTTP listener of the gateway: chat completions on a direct path, everything else through a router, and what that does
/// not know through the routes of people.
///
/// A completion writes its own response, head first and bytes as they come, so that whatever goes wrong while it is
/// written is known to the step that settles the request.
public struct GatewayServer: Service {
    private let gateway: Gateway
    private let eventLoopGroup: any EventLoopGroup
    private let address: (host: String, port: Int)
    private let onReady: @Sendable (Int) -> Void
    private let web: WebResponder?
    private let playgroundKeys: (any PlaygroundKeys)?
    private let logger: Logger

    /// - Parameters:
    ///   - gateway: The parts that requests walk through.
    ///   - eventLoopGroup: The loops that connections are pinned to.
    ///   - host: The address to listen on.
    ///   - port: The port, 0 for any free one.
    ///   - web: Further routes on the same listener.
    ///   - playgroundKeys: Tells whose the key in a browser's cookie is; nil lets no browser use one.
    ///   - onReady: Called once with the port when connections are accepted.
    public init(
        gateway: Gateway, eventLoopGroup: any EventLoopGroup, host: String, port: Int, web: WebResponder? = nil,
        playgroundKeys: (any PlaygroundKeys)? = nil, logger: Logger, onReady: @escaping @Sendable (Int) -> Void
    ) {
        self.gateway = gateway
        self.eventLoopGroup = eventLoopGroup
        address = (host, port)
        self.web = web
        self.playgroundKeys = playgroundKeys
        self.logger = logger
        self.onReady = onReady
    }

    public func run() async throws {
        let executors = EventLoopTaskExecutors(group: eventLoopGroup)
        let clock = HTTPDateClock()
        let maximumBodyBytes = gateway.configuration.maximumBodyBytes
        let builder = HTTPServerBuilder { responder in
            PinnedChildChannel(
                base: ConnectionChannel(
                    base: HTTP1Channel(
                        responder: responder,
                        configuration: .init(
                            additionalChannelHandlers: [DisconnectHandler()],
                            idleTimeout: .seconds(75),
                            httpDecoderConfiguration: .init(
                                maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 64 * 1024, maxHeaderFieldCount: 128))),
                    maximumBodyBytes: maximumBodyBytes, date: clock),
                executors: executors)
        }
        let routes = gateway.routes().buildResponder()
        let entrances = [
            "/v1/chat/completions": ChatCompletions(gateway: gateway),
            "/v1/messages": ChatCompletions(gateway: gateway, entrance: .messages),
            "/v1/responses": ChatCompletions(gateway: gateway, entrance: .responses),
            "/v1/completions": ChatCompletions(gateway: gateway, entrance: .completions),
            "/v1/embeddings": ChatCompletions(gateway: gateway, entrance: .embeddings),
            "/v1/moderations": ChatCompletions(gateway: gateway, entrance: .moderations),
            "/v1/images/generations": ChatCompletions(gateway: gateway, entrance: .images),
            "/v1/images/edits": ChatCompletions(gateway: gateway, entrance: .imageEdits),
        ]
        let posted = entrances.mapValues(\.entrance).merging([PlaygroundCompletion.path: .playground]) { known, _ in known }
        let playground = PlaygroundCompletion(
            gateway: gateway, origins: web?.origins ?? OriginCheck(), keys: playgroundKeys)
        let logger = logger
        let web = web
        let bodies = gateway.bodies.budget
        let onReady = onReady
        let server = try builder.buildServer(
            configuration: ServerConfiguration(
                address: .hostname(address.host, port: address.port), serverName: nil, backlog: 4096, reuseAddress: true),
            eventLoopGroup: eventLoopGroup,
            logger: logger,
            responder: { request, writer, channel in
                if request.method == .post, let entrance = entrances[request.uri.path] {
                    try await entrance.respond(to: request, writer: writer, channel: channel, date: clock.now())
                    return
                }
                if request.method == .post, request.uri.path == PlaygroundCompletion.path {
                    try await playground.respond(to: request, writer: writer, channel: channel, date: clock.now())
                    return
                }
                let context = GatewayRequestContext(source: .init(channel: channel, logger: logger))
                var response: Response
                do {
                    response = try await routes.respond(to: request.routed, context: context)
                    // The router's own answer to an unknown path has no body, and an SDK expects the envelope. A handler that finds
                    // nothing throws.
                    if response.status == .notFound || response.status == .methodNotAllowed {
                        let path = request.uri.path
                        let preflight = path == PlaygroundCompletion.path ? playground.origins.preflight(request) : nil
                        response =
                            await web?.respond(to: request, channel: channel, bodies: bodies) ?? preflight
                            ?? GatewayServer.refusal(of: response, path: path, posted: posted)
                    }
                } catch let error as GatewayError {
                    response = error.response()
                }
                var head = ResponseHead(
                    date: clock.now(), entrance: request.uri.path.hasPrefix("/v1/messages") ? .messages : .chat)
                head.clientRequestID = try? IncomingRequest.clientRequestID(request.headers)
                head.name(&response.headers)
                response.headers[.date] = head.date
                guard request.method != .head else {
                    try await writer.writeResponse(response.head)
                    return
                }
                try await writer.write(response: response.head, body: response.body)
            },
            onServerRunning: { channel in onReady(channel.localAddress?.port ?? 0) })
        try await server.run()
    }

    /// What is said where no router has an answer.
    ///
    /// - Parameters:
    ///   - response: What the gateway's own says.
    ///   - posted: The paths that know POST and are not in it.
    private static func refusal(of response: Response, path: String, posted: [String: Entrance]) -> Response {
        guard response.status == .notFound else { return response }
        guard let entrance = posted[path] else { return GatewayError.notFound(path: path).response() }
        return GatewayError.wrongMethod(allow: "POST").response(to: entrance)
    }
}
