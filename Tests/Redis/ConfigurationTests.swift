import Testing

@testable import Redis

@Suite struct ConfigurationTests {
    @Test func theURLNamesHostPortDatabaseAndCredentials() throws {
        let full = try RedisConfiguration(url: "redis://alice:p%40ss@redis.example:6380/3?clientname=gateway-1")
        #expect(full.address == .tcp(host: "redis.example", port: 6380))
        #expect(full.user == "alice")
        #expect(full.password == "p@ss")
        #expect(full.database == 3)
        #expect(full.clientName == "gateway-1")
        #expect(!full.usesTLS)
        let short = try RedisConfiguration(url: "redis://localhost")
        #expect(short.address == .tcp(host: "localhost", port: 6379))
        #expect(short.user == nil)
        #expect(short.password == nil)
        #expect(short.database == 0)
        let passwordOnly = try RedisConfiguration(url: "redis://:secret@[::1]:7000/")
        #expect(passwordOnly.address == .tcp(host: "::1", port: 7000))
        #expect(passwordOnly.user == nil)
        #expect(passwordOnly.password == "secret")
    }

    @Test func tlsAndUnixSocketsHaveSchemesOfTheirOwn() throws {
        let tls = try RedisConfiguration(url: "rediss://redis.example?cacert=/etc/ca.pem")
        #expect(tls.usesTLS)
        #expect(tls.certificateAuthorityFile == "/etc/ca.pem")
        let unix = try RedisConfiguration(url: "unix://:secret@/run/redis.sock?db=2")
        #expect(unix.address == .unix(path: "/run/redis.sock"))
        #expect(unix.password == "secret")
        #expect(unix.database == 2)
    }

    @Test(arguments: [
        "", "localhost", "http://localhost", "redis://", "redis:///1", "redis://h:0", "redis://h:65536", "redis://h/x",
        "redis://h/-1", "redis://h/1/2", "redis://user@h", "redis://h?cacert=/ca.pem", "redis://h?unknown=1",
        "redis://h?clientname=a%20b", "redis://h?db", "unix://host/path", "unix://", "redis://h:port",
        "unix:///" + String(repeating: "x", count: 108),
    ])
    func anythingElseIsRefused(_ url: String) {
        #expect { try RedisConfiguration(url: url) } throws: { ($0 as? RedisError)?.code == .invalidConfiguration }
    }

    @Test(arguments: ["redis://bob:hunter2@h:0", "redis://bob:hunter2@h/x", "rediss://bob:hunter2@h?nope=1", "x://bob:hunter2@h"])
    func secretsAreNeitherInErrorsNorInDescriptions(_ url: String) throws {
        #expect { try RedisConfiguration(url: url) } throws: { !"\($0)".contains("hunter2") && !"\($0)".contains("bob") }
        let good = try RedisConfiguration(url: "redis://bob:hunter2@h/1")
        #expect(good.description == "redis://h:6379/1")
        #expect("\(good)" == good.description)
    }
}
