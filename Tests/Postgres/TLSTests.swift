import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    /// Answers of every size around a TLS record and libpq's buffers: what OpenSSL holds back must not be waited for.
    @Test func answersOverTLSComeWhole() async throws {
        let port = try freePort()
        try await PostgresServer.with(settings: ["listen_addresses": "127.0.0.1", "port": "\(port)"]) { server in
            let files = server.directory + "/data/server"
            try await runCommand([
                "openssl", "req", "-new", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-newkey", "rsa:2048",
                "-keyout", files + ".key", "-out", files + ".crt",
            ])
            if getuid() == 0 { try await runCommand(["chown", "postgres", files + ".key", files + ".crt"]) }
            try await runCommand(["chmod", "600", files + ".key"])
            try await server.stop()
            try await server.start(with: ["ssl": "on"])
            let configuration = try PostgresConfiguration(url: "postgres://postgres@127.0.0.1:\(port)/postgres?sslmode=require")
            let c = try await PostgresConnection.connect(configuration, logger: quiet)
            #expect(try await c.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")[0].decode(0, as: Bool.self))
            for size in [0, 1, 8000, 8192, 16_000, 16_384, 16_400, 24_000, 32_768, 40_000, 65_536, 100_000, 1 << 20, 5 << 20] {
                let rows = try await c.query(
                    "SELECT repeat('x', $1::int4) FROM generate_series(1, 3)", [.int4(Int32(size))], deadline: .seconds(5))
                #expect(rows.allSatisfy { $0.withBytes(0) { $0?.count } == size })
            }
            let total = Mutex(0)
            try await c.copyOut("COPY (SELECT repeat('y', g % 3000) FROM generate_series(1, 20000) g) TO STDOUT") { chunk in
                total.withLock { $0 += chunk.count }
            }
            let expected: Int = (1...20_000).reduce(0) { (sum: Int, g: Int) -> Int in sum + g % 3000 + 1 }
            let received = total.withLock { $0 }
            #expect(received == expected)
            await c.close()
        }
    }

    private func freePort() throws -> UInt16 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, length) | getsockname(socket, $0, &length) }
        }
        #expect(result == 0)
        return UInt16(bigEndian: address.sin_port)
    }
}
