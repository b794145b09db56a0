internal import Crypto
public import HTTPTransport
internal import JSON
internal import JWTKit
internal import Ledger
internal import Synchronization

import struct FoundationEssentials.Data
import struct FoundationEssentials.Date

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
    private static let place = "https://oauth2.googleapis.com/token"
    private static let scope = "https://www.googleapis.com/auth/cloud-platform"

    private struct Kept {
        let token: Token
        /// In microseconds since 1970.
        var renewAt: Int64
    }

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
        let known = kept.withLock { kept -> Token? in
            guard let found = kept[digest] else { return nil }
            guard now >= found.renewAt else { return found.token }
            // Whoever sees it first renews it; the others go on with it until then.
            guard now < found.renewAt + Self.margin - 60_000_000 else { return nil }
            kept[digest]?.renewAt += 30_000_000
            return nil
        }
        if let known { return known }
        let (token, seconds) = try await fetch(key, isTrusted: isTrusted, now: now)
        kept.withLock { kept in
            if kept.count >= Self.most { kept.removeAll() }
            kept[digest] = Kept(token: token, renewAt: now + max(seconds * 1_000_000 - Self.margin, 0))
        }
        return token
    }

    private struct Claims: JWTPayload {
        let iss: String
        let scope: String
        let aud: String
        let iat: Int64
        let exp: Int64

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    private func fetch(_ key: String, isTrusted: Bool, now: Int64) async throws(Failure) -> (Token, seconds: Int64) {
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
        return (Token(value: value, project: account["project_id"]?.text), answer["expires_in"]?.int64 ?? 3_600)
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
