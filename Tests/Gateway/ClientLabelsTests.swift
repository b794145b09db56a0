import HTTPTypes
import Testing

@testable import Gateway

@Suite struct ClientLabelsTests {
    private func fields(_ headers: [(String, String)]) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        return fields
    }

    @Test(arguments: [
        ("x-source", "https://www.shop.example/a", "shop.example/a"), ("X-Source", "HTTP://WWW.Shop.example", "Shop.example"),
        ("x-source", "my-app", "my-app"), ("http-referer", "https://blog.example/post?user=7#top", "blog.example/post"),
        ("http-referer", "https://blog.example/~anna", nil), ("user-agent", "claude-cli/2.0 (external)", "claude-cli"),
        ("user-agent", "curl/8", nil),
    ])
    func aSourceIsAHostAndAPath(name: String, value: String, source: String?) throws {
        #expect(try ClientLabels(fields([(name, value)])).source == source)
    }

    @Test func theApplicationsWordGoesBeforeItsLibrarys() throws {
        let labels = try ClientLabels(fields([("http-referer", "https://a.example"), ("x-source", "b.example")]))
        #expect(labels.source == "b.example" && labels.headers.isEmpty)
    }

    @Test(arguments: ["a b", "a?b", "ä", "https://", String(repeating: "a", count: 256)])
    func anotherSourceIsRefused(value: String) {
        #expect(throws: GatewayError.self) { try ClientLabels(fields([("x-source", value)])) }
    }

    @Test func headersLoseTheirPrefixAndAreBounded() throws {
        func header(_ name: String, _ value: String) -> (String, String) { ("X-LLMGateway-" + name, value) }
        let labels = try ClientLabels(fields([header("Tenant", "7"), ("x-other", "1"), header("run", "b")]))
        #expect(labels.headers == [.init(name: "tenant", value: "7"), .init(name: "run", value: "b")])
        let sixteen = (0..<16).map { header("n\($0)", "v") }
        #expect(try ClientLabels(fields(sixteen)).headers.count == 16)
        #expect(throws: GatewayError.self) { try ClientLabels(fields(sixteen + [header("more", "v")])) }
        #expect(throws: GatewayError.self) { try ClientLabels(fields([header("a", String(repeating: "v", count: 513))])) }
        #expect(throws: GatewayError.self) { try ClientLabels(fields([header(String(repeating: "a", count: 65), "v")])) }
    }
}
