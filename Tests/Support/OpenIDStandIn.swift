import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A small identity provider of a test's own: OpenID Connect, and GitHub's way, with the lies that a test asks for.
///
/// It checks what an honest provider checks: client, redirect address and PKCE; a code is good once.
public final class OpenIDStandIn: Sendable {
    /// Somebody who has an account there.
    public struct Person: Sendable {
        public var subject: String
        public var email: String?
        public var isEmailVerified: Bool

        public init(subject: String, email: String?, isEmailVerified: Bool = true) {
            self.subject = subject
            self.email = email
            self.isEmailVerified = isEmailVerified
        }
    }

    /// What it does wrong.
    public struct Lies: Sendable {
        /// Replace claims of the ID token, as JSON text; an empty text removes one.
        public var claims: [String: String] = [:]
        /// Signs with a key that is not published.
        public var foreignKey = false
        /// The header's algorithm.
        public var algorithm = "ES256"
        public var issuer: String?
        /// Leaves the mailbox out of the token, so that it has to be asked for.
        public var hidesEmail = false
        /// Replace what it says of a person who is asked for, as JSON text.
        public var profile: [String: String] = [:]

        public init() {}
    }

    private struct Grant {
        let person: Person
        let query: [String: String]
    }

    private struct State {
        var key = P256.Signing.PrivateKey()
        var keyName = "first"
        var grants: [String: Grant] = [:]
        var tokens: [String: Person] = [:]
        var lies = Lies()
        var requests: [String] = []
    }

    public let clientID = "the-client"
    public let clientSecret = "the secret/+"
    /// `http://127.0.0.1:PORT`
    public let issuer: String
    private let channel: any Channel
    private let state = Mutex(State())

    public init() async throws {
        let handler = HandlerBox()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(box: handler))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        issuer = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
        handler.standIn.withLock { $0 = { [weak self] in self } }
    }

    public func tearDown() async { try? await channel.close() }

    /// Changes how it lies from now on.
    public func lie(_ change: @Sendable (inout Lies) -> Void) { state.withLock { change(&$0.lies) } }

    /// Signs with a new key from now on, and publishes that one alone.
    public func rotateKey() {
        state.withLock { state in
            state.key = P256.Signing.PrivateKey()
            state.keyName = "second"
        }
    }

    /// The paths that were asked for.
    public var requests: [String] { state.withLock(\.requests) }

    /// What happens in the browser of somebody who agrees: the query of the address that it is sent back to.
    public func agree(_ person: Person, to url: String) throws -> [String: String] {
        guard let components = URLComponents(string: url) else { throw ChildProcess.Failure(description: "no URL: \(url)") }
        let query = Dictionary(uniqueKeysWithValues: (components.queryItems ?? []).map { ($0.name, $0.value ?? "") })
        guard query["client_id"] == clientID, query["response_type"] == "code", query["code_challenge_method"] == "S256",
            let state = query["state"], query["code_challenge"]?.utf8.count == 43
        else { throw ChildProcess.Failure(description: "a malformed authorization request: \(url)") }
        let code = UUID().uuidString
        self.state.withLock { $0.grants[code] = Grant(person: person, query: query) }
        return ["code": code, "state": state]
    }

    fileprivate func answer(_ method: HTTPMethod, _ path: String, _ headers: HTTPHeaders, _ body: String) -> (Int, String) {
        state.withLock { state in
            state.requests.append(path)
            let bearer = headers.first(name: "authorization").flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
            let person = bearer.flatMap { state.tokens[$0] }
            switch path {
            case "/.well-known/openid-configuration":
                return (
                    200,
                    #"{"issuer":"\#(state.lies.issuer ?? issuer)","authorization_endpoint":"\#(issuer)/authorize","#
                        + #""token_endpoint":"\#(issuer)/token","userinfo_endpoint":"\#(issuer)/userinfo","jwks_uri":"\#(issuer)/keys"}"#
                )
            case "/keys": return (200, #"{"keys":[{"kty":"oct","k":"AA"},\#(Self.jwk(state.key, state.keyName))]}"#)
            case "/token", "/login/oauth/access_token": return token(&state, headers, body, isGitHub: path != "/token")
            case "/userinfo":
                guard let person else { return (401, "{}") }
                let claims = [
                    "sub": "\"\(person.subject)\"", "email": "\"\(person.email ?? "")\"",
                    "email_verified": "\(person.isEmailVerified)",
                ].merging(state.lies.profile) { $1 }
                return (200, Self.object(claims))
            case "/user":
                guard let person else { return (401, "{}") }
                return (200, #"{"id":\#(person.subject),"login":"octocat","name":null}"#)
            case "/user/emails":
                guard let person else { return (401, "{}") }
                return (
                    200,
                    #"[{"email":"other@example.org","primary":false,"verified":true},"#
                        + #"{"email":"\#(person.email ?? "")","primary":true,"verified":\#(person.isEmailVerified)}]"#
                )
            default: return (404, "{}")
            }
        }
    }

    private func token(_ state: inout State, _ headers: HTTPHeaders, _ body: String, isGitHub: Bool) -> (Int, String) {
        var form = URLComponents()
        form.percentEncodedQuery = body
        let values = Dictionary((form.queryItems ?? []).map { ($0.name, $0.value ?? "") }) { first, _ in first }
        let encoded = clientSecret.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let basic = "Basic " + Data("\(clientID):\(encoded)".utf8).base64EncodedString()
        let isClient =
            isGitHub
            ? values["client_secret"] == clientSecret && values["client_id"] == clientID
            : headers.first(name: "authorization") == basic
        guard isClient else { return (401, #"{"error":"invalid_client"}"#) }
        guard let code = values["code"], let grant = state.grants.removeValue(forKey: code),
            values["redirect_uri"] == grant.query["redirect_uri"], let verifier = values["code_verifier"],
            Self.base64URL(Array(SHA256.hash(data: Data(verifier.utf8)))) == grant.query["code_challenge"]
        else { return (400, #"{"error":"invalid_grant"}"#) }
        let accessToken = UUID().uuidString
        state.tokens[accessToken] = grant.person
        if isGitHub { return (200, #"{"access_token":"\#(accessToken)","token_type":"bearer"}"#) }
        let token = idToken(state, grant)
        return (200, #"{"access_token":"\#(accessToken)","token_type":"Bearer","id_token":"\#(token)"}"#)
    }

    private func idToken(_ state: State, _ grant: Grant) -> String {
        let now = Int(Date().timeIntervalSince1970)
        var claims = [
            "iss": "\"\(issuer)\"", "sub": "\"\(grant.person.subject)\"", "aud": "\"\(clientID)\"", "exp": "\(now + 300)",
            "iat": "\(now)",
            "nonce": "\"\(grant.query["nonce"] ?? "")\"",
        ]
        if let email = grant.person.email, !state.lies.hidesEmail {
            claims["email"] = "\"\(email)\""
            claims["email_verified"] = "\(grant.person.isEmailVerified)"
        }
        for (name, value) in state.lies.claims { claims[name] = value.isEmpty ? nil : value }
        let payload = Self.object(claims)
        let header = #"{"alg":"\#(state.lies.algorithm)","kid":"\#(state.keyName)"}"#
        let signed = Self.base64URL(Array(header.utf8)) + "." + Self.base64URL(Array(payload.utf8))
        if state.lies.algorithm == "none" { return signed + "." }
        let key = state.lies.foreignKey ? P256.Signing.PrivateKey() : state.key
        let signature = (try? key.signature(for: Data(signed.utf8)).rawRepresentation).map(Array.init) ?? []
        return signed + "." + Self.base64URL(signature)
    }

    private static func object(_ members: [String: String]) -> String {
        "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    private static func jwk(_ key: P256.Signing.PrivateKey, _ name: String) -> String {
        let point = Array(key.publicKey.rawRepresentation)
        return
            #"{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"\#(name)","x":"\#(base64URL(Array(point.prefix(32))))","y":"\#(base64URL(Array(point.suffix(32))))"}"#
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private final class HandlerBox: Sendable {
        let standIn = Mutex<(@Sendable () -> OpenIDStandIn?)?>(nil)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let box: HandlerBox
        private var head: HTTPRequestHead?
        private var body = ""

        init(box: HandlerBox) { self.box = box }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = ""
            case .body(let buffer): body += String(buffer: buffer)
            case .end:
                guard let head, let standIn = box.standIn.withLock({ $0 })?() else { return context.close(promise: nil) }
                let path = String(head.uri.prefix { $0 != "?" })
                let (status, text) = standIn.answer(head.method, path, head.headers, body)
                let headers: HTTPHeaders = ["content-type": "application/json", "content-length": "\(text.utf8.count)"]
                context.write(
                    wrapOutboundOut(.head(.init(version: .http1_1, status: .init(statusCode: status), headers: headers))),
                    promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
