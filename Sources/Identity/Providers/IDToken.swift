internal import FoundationEssentials
internal import JSON
internal import JWTKit

/// The claims of an OpenID Connect ID token whose signature was verified.
struct IDToken: JWTPayload {
    let issuer: String
    let subject: String
    let audience: [String]
    let authorizedParty: String?
    /// Seconds since 1970
    let expiry: Double
    let issuedAt: Double
    let nonce: String?
    let email: String?
    let isEmailVerified: Bool?
    let name: String?

    private enum CodingKeys: String, CodingKey {
        case issuer = "iss"
        case subject = "sub"
        case audience = "aud"
        case authorizedParty = "azp"
        case expiry = "exp"
        case issuedAt = "iat"
        case nonce, email, name
        case isEmailVerified = "email_verified"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        issuer = try container.decode(String.self, forKey: .issuer)
        subject = try container.decode(String.self, forKey: .subject)
        // One or several. JWTKit's own claim ends the process on an empty list.
        if let one = try? container.decode(String.self, forKey: .audience) {
            audience = [one]
        } else {
            audience = try container.decode([String].self, forKey: .audience)
        }
        authorizedParty = try container.decodeIfPresent(String.self, forKey: .authorizedParty)
        expiry = try container.decode(Double.self, forKey: .expiry)
        issuedAt = try container.decode(Double.self, forKey: .issuedAt)
        nonce = try container.decodeIfPresent(String.self, forKey: .nonce)
        email = try container.decodeIfPresent(String.self, forKey: .email)
        name = try container.decodeIfPresent(String.self, forKey: .name)
        // Some providers write a string.
        if let text = try? container.decodeIfPresent(String.self, forKey: .isEmailVerified) {
            isEmailVerified = text == "true"
        } else {
            isEmailVerified = try container.decodeIfPresent(Bool.self, forKey: .isEmailVerified)
        }
    }

    /// Required by the protocol; the claims are checked by ``check(issuer:client:nonce:now:)``, which knows what to expect.
    func verify(using algorithm: some JWTAlgorithm) async throws {}

    /// Why a token is not believed.
    struct Refusal: Error, CustomStringConvertible, Equatable {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// Verifies the signature by one of a provider's public keys; the algorithm is one that belongs to the key.
    init(_ token: String, keys: [JSONValue]) async throws {
        let collection = JWTKeyCollection()
        var count = 0
        for key in keys {
            guard let kind = key["kty"]?.text, ["RSA", "EC", "OKP"].contains(kind), key["use"]?.text ?? "sig" == "sig" else {
                continue
            }
            // A key of a kind that is not known here says nothing about the others.
            guard var jwk = try? JSONDecoder().decode(JWK.self, from: Data(key.bytes)) else { continue }
            if jwk.keyIdentifier == nil { jwk.keyIdentifier = JWKIdentifier(string: "unnamed-\(count)") }
            if (try? await collection.add(jwk: jwk)) != nil { count += 1 }
        }
        guard count > 0 else { throw Refusal("the provider has no usable key") }
        self = try await collection.verify(token, as: IDToken.self, iteratingKeys: true)
    }

    /// Checks who issued the token, for whom, when, and that it answers this sign-in (OpenID Connect Core, 3.1.3.7).
    ///
    /// - Parameter now: seconds since 1970; a minute of difference between the clocks is granted.
    func check(issuer expected: String, client: String, nonce wanted: String, now: Double) throws(Refusal) {
        guard issuer == expected else { throw Refusal("the token is another issuer's") }
        guard audience.contains(client) else { throw Refusal("the token is for another client") }
        guard audience.count == 1 || authorizedParty == client else { throw Refusal("the token is shared with another client") }
        guard authorizedParty == nil || authorizedParty == client else { throw Refusal("the token was issued to another client") }
        guard expiry.isFinite, now < expiry + 60 else { throw Refusal("the token has expired") }
        guard issuedAt.isFinite, issuedAt < now + 60 else { throw Refusal("the token comes from the future") }
        guard let nonce, ConstantTime.equal(Array(nonce.utf8), Array(wanted.utf8)) else {
            throw Refusal("the token answers another sign-in")
        }
        guard (1...255).contains(subject.utf8.count), !subject.utf8.contains(0) else { throw Refusal("the token names nobody") }
    }
}
