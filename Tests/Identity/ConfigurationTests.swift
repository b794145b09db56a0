import Testing

@testable import Identity

@Suite struct ConfigurationTests {
    @Test(arguments: [
        ("/", "https://app.example.org/"), ("/a?b=c", "https://app.example.org/a?b=c"), ("//evil.example", nil),
        ("https://app.example.org/x", "https://app.example.org/x"),
        ("https://APP.example.org:443/x", "https://APP.example.org:443/x"),
        ("https://evil.example/", nil), ("https://app.example.org.evil.example/", nil),
        ("https://app.example.org@evil.example/", nil),
        ("https://app.example.org\\@evil.example/", nil), ("/\\evil.example", nil), ("javascript:alert(1)", nil), ("", nil),
        ("https://a.example:8443/", "https://a.example:8443/"), ("https://a.example/", nil), ("/a\r\nSet-Cookie: b", nil),
    ])
    func linksLeadOnlyToTrustedPlaces(given: String, destination: String?) {
        var configuration = IdentityConfiguration(baseURL: "https://api.example.org/", pagesURL: "https://app.example.org")
        configuration.trustedOrigins = ["https://a.example:8443"]
        #expect(configuration.destination(given) == destination)
    }

    @Test func originsAreComparedWithoutCaseAndDefaultPorts() {
        let configuration = IdentityConfiguration(baseURL: "HTTPS://API.example.org:443")
        #expect(configuration.origins == ["https://api.example.org"])
        #expect(IdentityConfiguration.host(of: "http://[::1]:4001/x") == "[::1]")
        #expect(IdentityConfiguration.host(of: "http://localhost:4001") == "localhost")
        #expect(IdentityConfiguration.origin(of: "ftp://localhost") == nil)
    }
}
