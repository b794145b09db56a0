import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded

@testable import Web

/// Sends requests to routes without a network.
struct RouteClient {
    let responder: WebResponder
    /// What the bodies of all requests may have together; nil counts none.
    let bodies: ByteBudget?

    init(_ routes: any WebRoutes, _ configuration: WebConfiguration = .init(), bodies: ByteBudget? = nil) {
        self.bodies = bodies
        responder = WebResponder(
            [routes], configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    struct Answer {
        let status: Int
        let headers: HTTPFields
        let json: [String: Any]
    }

    /// - Returns: nil when no route has the path.
    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, headers: HTTPFields = [:]
    ) async throws -> Answer? {
        let head = HTTPRequest(method: method, scheme: "http", authority: "gateway.test", path: path, headerFields: headers)
        let request = Request(head: head, body: .init(buffer: ByteBuffer(string: body ?? "")))
        let channel = NIOAsyncTestingChannel()
        guard let response = await responder.respond(to: request, channel: channel, bodies: bodies) else { return nil }
        let writer = Collector()
        try await response.body.write(writer)
        let object = writer.bytes.isEmpty ? nil : try JSONSerialization.jsonObject(with: Data(writer.bytes))
        return Answer(status: response.status.code, headers: response.headers, json: object as? [String: Any] ?? [:])
    }

    private final class Collector: ResponseBodyWriter {
        var bytes: [UInt8] = []
        func write(_ buffer: ByteBuffer) async throws { bytes += Array(buffer: buffer) }
        func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
