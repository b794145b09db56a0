import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import TestSupport
import Web

@testable import Identity

/// Sends requests to the routes of people without a network, as a browser at api.example.org or as a program.
struct RouteClient {
    let responder: WebResponder

    init(_ shop: Shop) {
        responder = WebResponder(
            [IdentityRoutes(shop.identity)],
            configuration: WebConfiguration(origins: OriginCheck(allowed: Array(shop.identity.configuration.origins))),
            logger: shop.database.logger)
    }

    struct Answer {
        let status: Int
        let headers: HTTPFields
        let json: Any?
        var text = ""

        subscript(_ name: String) -> Any? { (json as? [String: Any])?[name] }
        var user: [String: Any] { self["user"] as? [String: Any] ?? [:] }
        var cookies: [String] { headers[values: .setCookie] }
        /// The session's cookie as a browser sends it back.
        var cookie: String? {
            cookies.first { $0.hasPrefix(SessionCookie.name + "=") }.map { String($0.prefix { $0 != ";" }) }
        }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: [String: Any]? = nil, cookie: String? = nil, bearer: String? = nil,
        origin: String? = nil, form: String? = nil, accept: String? = nil
    ) async throws -> Answer {
        var headers = HTTPFields()
        headers[.cookie] = cookie
        headers[.origin] = origin
        headers[.authorization] = bearer.map { "Bearer \($0)" }
        headers[.accept] = accept
        let bytes = try body.map { try JSONSerialization.data(withJSONObject: $0) } ?? Data((form ?? "").utf8)
        if body != nil { headers[.contentType] = "application/json" }
        if form != nil { headers[.contentType] = "application/x-www-form-urlencoded" }
        let head = HTTPRequest(method: method, scheme: "https", authority: "api.example.org", path: path, headerFields: headers)
        let request = Request(head: head, body: .init(buffer: ByteBuffer(bytes: bytes)))
        guard let response = await responder.respond(to: request, channel: NIOAsyncTestingChannel()) else {
            return Answer(status: 404, headers: [:], json: nil)
        }
        let writer = Collector()
        try await response.body.write(writer)
        let isJSON = response.headers[.contentType] == "application/json"
        let json = try isJSON ? JSONSerialization.jsonObject(with: Data(writer.bytes), options: .fragmentsAllowed) : nil
        return Answer(
            status: response.status.code, headers: response.headers, json: json,
            text: String(decoding: writer.bytes, as: UTF8.self))
    }

    private final class Collector: ResponseBodyWriter {
        var bytes: [UInt8] = []
        func write(_ buffer: ByteBuffer) async throws { bytes += Array(buffer: buffer) }
        func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
