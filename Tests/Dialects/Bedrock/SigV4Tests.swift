import Catalogue
import Testing

@testable import Dialects

@Suite struct SigV4Tests {
    private static let signer = SigV4(
        accessKeyID: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", region: "us-east-1", service: "service")
    private static let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    private static let token =
        "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

    /// Amazon's test suite for signature version 4.
    @Test(arguments: [
        ("GET", "/", [], nothing, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", [], nothing, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("GET", "/ሴ", [], nothing, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("GET", "/example space/", [], nothing, "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        (
            "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", [], nothing,
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"
        ),
        (
            "POST", "/", [("my-header1", "value1")], nothing,
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"
        ),
        (
            "POST", "/", [("my-header1", "VALUE1")], nothing,
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"
        ),
        (
            "POST", "/", [("x-amz-security-token", token)], nothing,
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
        ),
        (
            "POST", "/", [("content-type", "application/x-www-form-urlencoded")],
            "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        ),
    ])
    func amazonsOwnRequests(
        _ method: String, _ path: String, _ headers: [(String, String)], _ hash: String, _ signature: String
    ) {
        let all = headers + [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")]
        let names = all.map(\.0).sorted().joined(separator: ";")
        #expect(
            Self.signer.authorization(method: method, path: path, headers: all, bodyHash: hash, date: "20150830T123600Z")
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=\(names), Signature=\(signature)"
        )
    }

    /// What Amazon's SDK for Python signs in the same way.
    @Test func theModelsNameIsEncodedTwice() throws {
        let account = Provider.Account(
            baseURL: "https://bedrock-runtime.eu-central-1.amazonaws.com", apiKey: "AKIDEXAMPLE:secret/+:token==",
            options: ["region": "us-east-1"])
        let signer = try #require(SigV4(bedrock: account))
        let headers = signer.headers(
            url: account.baseURL + "/model/eu.anthropic.claude-3-v1%3A0/converse", body: Array("{}".utf8), time: 1_440_938_160)
        #expect(headers.map(\.0) == ["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"])
        #expect(headers[0].1 == Self.sdkAuthorization)
        #expect(headers[1].1 == "20150830T123600Z" && headers[3].1 == "token==")
        #expect(headers[2].1 == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
    }

    private static let sdkAuthorization =
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-central-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=f40a6d770a0129141417a50182f11c50fd83fead8c15c35ff75a23f5413d411a"

    @Test func keysOfBothKinds() throws {
        func signer(_ key: String) -> SigV4? { SigV4(bedrock: Provider.Account(baseURL: "https://x.test", apiKey: key)) }
        #expect(signer("bedrock-api-key-YmVk") == nil)
        let lasting = try #require(signer("AKIA1:sec/ret+"))
        #expect(lasting.accessKeyID == "AKIA1" && lasting.secret == "sec/ret+" && lasting.sessionToken == nil)
        #expect(lasting.service == "bedrock" && lasting.region == "us-east-1")
        #expect(try #require(signer("ASIA1:secret:to:ken")).sessionToken == "to:ken")
        #expect(try #require(signer("ASIA1:secret:")).sessionToken == nil)
    }

    @Test(arguments: [
        ("https://bedrock-runtime.eu-west-1.amazonaws.com", "eu-west-1"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com:443", "us-gov-west-1"),
        ("https://Bedrock-Runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://vpce-1.bedrock-runtime.us-east-2.vpce.amazonaws.com", "us-east-2"),
        ("https://bedrock-runtime.us-west-2.api.aws", "us-west-2"), ("https://proxy.example.org/bedrock", "option-1"),
        ("http://127.0.0.1:9000", "option-1"), ("https://bedrock-runtime.example.org", "option-1"),
    ])
    func regionsOfServers(_ url: String, _ region: String) {
        #expect(SigV4.region(of: .init(baseURL: url, apiKey: "k", options: ["region": "option-1"])) == region)
    }

    @Test(arguments: [
        ("https://a.test:443/b/c", "a.test", "/b/c"), ("http://a.test:443/b", "a.test:443", "/b"),
        ("http://127.0.0.1:80", "127.0.0.1", "/"), ("https://a.test:8443/", "a.test:8443", "/"),
    ])
    func hostsAndPaths(_ url: String, _ host: String, _ path: String) {
        let parts = SigV4.parts(url)
        #expect(parts.host == host && parts.path == path)
    }

    @Test(arguments: [
        (0, "19700101T000000Z"), (951_782_399, "20000228T235959Z"), (951_782_400, "20000229T000000Z"),
        (1_735_689_599, "20241231T235959Z"), (4_102_444_800, "21000101T000000Z"),
    ])
    func moments(_ time: Int64, _ text: String) { #expect(SigV4.date(time) == text) }
}
