import Foundation
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(2))) struct EnvironmentTests {
    /// In a process of its own, because the environment belongs to all tests.
    @Test func takesNothingFromTheEnvironment() async throws {
        await #expect(processExitsWith: .success) {
            let home = "/tmp/home-\(UUID().uuidString.prefix(13))"
            try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: home) }
            try "default login somebody password secret\n".write(toFile: home + "/.netrc", atomically: true, encoding: .utf8)
            try "proxy = \"http://127.0.0.1:1\"\n".write(toFile: home + "/.curlrc", atomically: true, encoding: .utf8)
            setenv("HOME", home, 1)
            for name in ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
                setenv(name, "http://127.0.0.1:1", 1)
            }
            try await TestServer.with(echo) { server in
                try await withTransport { transport in
                    let response = try await transport.get(server.url())
                    try #require(response.status == 200)
                    try #require(response.header("x-echo-authorization") == nil)
                }
            }
        }
    }
}
