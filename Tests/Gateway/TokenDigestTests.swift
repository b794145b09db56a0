import HTTPTypes
import Testing

@testable import Gateway

@Suite struct TokenDigestTests {
    private static func digest(_ authorization: String?, _ key: String? = nil) throws -> [UInt8] {
        let name = try #require(HTTPField.Name("x-api-key"))
        var headers = HTTPFields()
        headers[.authorization] = authorization
        headers[name] = key
        return try IncomingRequest.tokenDigest(headers)
    }

    @Test func aBearerTokenComesFirst() throws {
        #expect(try Self.digest("Bearer a") == Self.digest("bearer  a"))
        #expect(try Self.digest("Bearer a", "b") == Self.digest("Bearer a"))
        #expect(try Self.digest("Bearer a") != Self.digest("Bearer b"))
    }

    /// Proxies and browsers add it by themselves.
    @Test(arguments: [nil, "", "Basic YTpi", "Bearer", "a"]) func anotherAuthorizationIsNoKey(_ authorization: String?) throws {
        #expect(try Self.digest(authorization, "b") == Self.digest("Bearer b"))
        let refusal = #expect(throws: GatewayError.self) { try Self.digest(authorization) }
        #expect(refusal?.status == 401)
    }
}
