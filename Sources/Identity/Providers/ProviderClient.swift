internal import HTTPTransport
internal import JSON
internal import Logging
internal import Synchronization
internal import Web

/// Speaks to identity providers: discovery, keys, tokens, profiles. What changes seldom is kept for an hour.
final class ProviderClient: Sendable {
    /// What an OpenID provider's discovery document says.
    struct Metadata: Sendable {
        let authorizationEndpoint: String
        let tokenEndpoint: String
        let userInfoEndpoint: String?
        let keysURL: String
        let takesBasic: Bool
    }

    /// Why a provider's answer is of no use. It names no secret.
    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    private struct Kept<Value: Sendable>: Sendable {
        let value: Value
        let at: ContinuousClock.Instant
    }

    private struct State {
        var metadata: [String: Kept<Metadata>] = [:]
        var keys: [String: Kept<[JSONValue]>] = [:]
    }

    private let transport: HTTPTransport
    private let state = Mutex(State())
    private static let lifetime = Duration.seconds(3600)
    private let minimumAge: Duration

    /// - Parameter minimumAge: A token with an unknown key is no reason to ask for the keys more often than this.
    init(transport: HTTPTransport, minimumAge: Duration) {
        self.transport = transport
        self.minimumAge = minimumAge
    }

    /// What the issuer says about itself. Its name must be the one that was asked for, or another could speak in its place.
    func metadata(issuer: String) async throws -> Metadata {
        if let kept = state.withLock({ $0.metadata[issuer] }), kept.at.duration(to: .now) < Self.lifetime { return kept.value }
        let slash = issuer.hasSuffix("/") ? "" : "/"
        let document = try await get("\(issuer)\(slash).well-known/openid-configuration")
        guard document["issuer"]?.text == issuer else { throw Failure("the discovery document is another issuer's") }
        func endpoint(_ name: String) throws -> String {
            guard let url = document[name]?.text, IdentityProvider.isSafe(url) else { throw Failure("no usable \(name)") }
            return url
        }
        let methods = document["token_endpoint_auth_methods_supported"]?.elements?.compactMap(\.text) ?? ["client_secret_basic"]
        let metadata = Metadata(
            authorizationEndpoint: try endpoint("authorization_endpoint"), tokenEndpoint: try endpoint("token_endpoint"),
            userInfoEndpoint: try? endpoint("userinfo_endpoint"), keysURL: try endpoint("jwks_uri"),
            takesBasic: methods.contains("client_secret_basic"))
        state.withLock { $0.metadata[issuer] = Kept(value: metadata, at: .now) }
        return metadata
    }

    /// The provider's keys.
    ///
    /// - Parameter renewed: a token was signed by a key that is not among those that are kept.
    func keys(_ metadata: Metadata, renewed: Bool) async throws -> [JSONValue] {
        if let kept = state.withLock({ $0.keys[metadata.keysURL] }),
            kept.at.duration(to: .now) < (renewed ? minimumAge : Self.lifetime)
        {
            return kept.value
        }
        guard let keys = try await get(metadata.keysURL)["keys"]?.elements else { throw Failure("the key set is malformed") }
        state.withLock { $0.keys[metadata.keysURL] = Kept(value: keys, at: .now) }
        return keys
    }

    /// Exchanges a code for tokens.
    func token(_ endpoint: String, _ form: [(String, String)], basic: (id: String, secret: String)?) async throws -> JSONValue {
        var headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")]
        if let basic {
            let pair = "\(PercentEncoding.encode(basic.id)):\(PercentEncoding.encode(basic.secret))"
            headers.append(("authorization", "Basic \(Base64URL.standard(Array(pair.utf8)))"))
        }
        let body = form.map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
        return try await send(HTTPTransportRequest(url: endpoint, headers: headers, body: .bytes(Array(body.utf8))))
    }

    /// Reads JSON, as whom an access token stands for.
    func get(_ url: String, accessToken: String? = nil) async throws -> JSONValue {
        // GitHub refuses callers without a name.
        var headers = [("accept", "application/json"), ("user-agent", "llmgateway")]
        if let accessToken { headers.append(("authorization", "Bearer \(accessToken)")) }
        return try await send(HTTPTransportRequest(method: "GET", url: url, headers: headers))
    }

    private func send(_ request: HTTPTransportRequest) async throws -> JSONValue {
        var request = request
        request.deadlines = .init(connect: .seconds(5), firstByte: .seconds(10), idle: .seconds(5), total: .seconds(15))
        let response = try await transport.execute(request)
        let bytes = try await response.collect(upTo: 1 << 20)
        guard response.status == 200 else { throw Failure("the provider answered \(response.status)") }
        return try JSONValue(bytes, maximumDepth: 16)
    }
}
