internal import Crypto
public import HTTPTransport
internal import JSON
internal import JWTKit
internal import Ledger
internal import Synchronization

import struct FoundationEssentials.Data

/// Gets access tokens for service accounts of Google, and keeps each for most of its life
/// (https://developers.google.com/identity/protocols/oauth2/service-account).
public final class AccessTokens: Sendable {
    /// Why there is no token. It quotes nothing of the key.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        /// Whether the account is refused, or its key is none, so that asking again is of no use.
        public let isRefused: Bool
        public let description: String
    }

    /// What opens the account.
    public struct Token: Sendable {
        public let value: String
        /// The project that the key belongs to.
        public let project: String?
    }

    /// A token is renewed this long before it ends: a request that begins with it must not outlive it.
    private static let margin: Int64 = 300_000_000
    /// How long a request may take to reach the provider with a token that is about to end.
    private static let spare: Int64 = 30_000_000
    private static let place = "https://oauth2.googleapis.com/token"
    private static let scope = "https://www.googleapis.com/auth/cloud-platform"

    private struct Kept {
        var token: Token?
        /// In microseconds since 1970.
        var renewAt: Int64 = 0
        /// The token's end.
        var endsAt: Int64 = 0
        /// Asks for the next; all who need it wait for the same answer.
        var pending: Pending?
    }

    private typealias Answer = Result<(token: Token, seconds: Int64), Failure>
    private typealias Pending = Task<Answer, Never>

    private let transport: HTTPTransport
    private let kept = Mutex<[[UInt8]: Kept]>([:])
    private static let most = 10_000

    public init(transport: HTTPTransport) { self.transport = transport }

    /// - Parameters:
    ///   - key: The JSON text of a service account's key.
    ///   - isTrusted: Whether the key may name another place than Google's to get tokens at: an operator's may, a customer's would
    ///     make this server ask whatever it names.
    public func token(of key: String, isTrusted: Bool) async throws(Failure) -> Token {
        let digest = Array(SHA256.hash(data: Data(key.utf8))) + [isTrusted ? 1 : 0]
        let now = Timestamp.now.microseconds
        let (known, pending) = kept.withLock { kept -> (Token?, Pending?) in
            let found = kept[digest] ?? Kept()
            if found.token != nil, now < found.renewAt { return (found.token, nil) }
            let pending =
                found.pending
                ?? Task { [self] in
                    let answer = await fetch(key, isTrusted: isTrusted, now: now)
                    keep(answer, for: digest, askedAt: now)
                    return answer
                }
            if kept.count >= Self.most, kept[digest] == nil { kept.removeAll() }
            kept[digest, default: Kept()].pending = pending
            // Until its end the old one serves while the next is on its way.
            return (now < found.endsAt - Self.spare ? found.token : nil, pending)
        }
        if let known { return known }
        guard let pending else { throw Failure(isRefused: false, description: "There is no token.") }
        return try await pending.value.get().token
    }

    private func keep(_ answer: Answer, for digest: [UInt8], askedAt: Int64) {
        kept.withLock { kept in
            kept[digest]?.pending = nil
            guard case .success(let (token, seconds)) = answer else { return }
            let endsAt = askedAt + seconds * 1_000_000
            kept[digest] = Kept(token: token, renewAt: endsAt - Self.margin, endsAt: endsAt)
        }
    }

    private struct Claims: JWTPayload {
        let iss: String
        let scope: String
        let aud: String
        let iat: Int64
        let exp: Int64

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    private func fetch(_ key: String, isTrusted: Bool, now: Int64) async -> Answer {
        do throws(Failure) {
            return .success(try await get(key, isTrusted: isTrusted, now: now))
        } catch {
            return .failure(error)
        }
    }

    private func get(
        _ key: String, isTrusted: Bool, now: Int64
    ) async throws(Failure) -> (token: Token, seconds: Int64) {
        guard let account = try? JSONValue(Array(key.utf8)), let name = account["client_email"]?.text,
            let pem = account["private_key"]?.text
        else { throw Failure(isRefused: true, description: "The service account's key is not the JSON that Google gives.") }
        let place = account["token_uri"]?.text ?? Self.place
        guard isTrusted || place == Self.place else {
            throw Failure(isRefused: true, description: "The service account's key names another place than Google's for tokens.")
        }
        let assertion: String
        do {
            let keys = JWTKeyCollection()
            let kid = JWKIdentifier(string: account["private_key_id"]?.text ?? "key")
            await keys.add(rsa: try Insecure.RSA.PrivateKey(pem: pem), digestAlgorithm: .sha256, kid: kid)
            let seconds = now / 1_000_000
            assertion = try await keys.sign(
                Claims(iss: name, scope: Self.scope, aud: place, iat: seconds, exp: seconds + 3_600), kid: kid)
        } catch {
            throw Failure(isRefused: true, description: "The private key of the service account can't be used.")
        }
        let answer = try await ask(place, assertion: assertion, isTrusted: isTrusted)
        guard let value = answer["access_token"]?.text, !value.isEmpty, value.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw Failure(isRefused: false, description: "The token service answered without a token.") }
        return (
            Token(value: value, project: account["project_id"]?.text), min(max(answer["expires_in"]?.int64 ?? 3_600, 0), 86_400)
        )
    }

    private func ask(_ place: String, assertion: String, isTrusted: Bool) async throws(Failure) -> JSONValue {
        let body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + assertion
        let status: Int
        let bytes: [UInt8]
        do {
            let response = try await transport.execute(
                HTTPTransportRequest(
                    method: "POST", url: place,
                    headers: [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")],
                    body: .bytes(Array(body.utf8)),
                    deadlines: .init(
                        connect: .seconds(5), firstByte: .seconds(10), idle: .seconds(10), total: .seconds(15)),
                    allowPrivateAddresses: isTrusted))
            status = response.status
            bytes = try await response.collect(upTo: 64 * 1024)
        } catch {
            throw Failure(isRefused: false, description: "The token service could not be reached.")
        }
        guard status == 200, let answer = try? JSONValue(bytes) else {
            throw Failure(
                isRefused: (400..<500).contains(status) && status != 429,
                description: "The token service answered with status \(status).")
        }
        return answer
    }
}
