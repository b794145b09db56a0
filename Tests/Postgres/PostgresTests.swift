import Logging
import Postgres
import Testing
import TestSupport

let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

@Suite struct SmokeTests {
    @Test func oneQuery() async throws {
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(url: TestEnvironment.databaseURL()), logger: quiet)
        for n in 0..<3 {
            let rows = try await connection.query("SELECT $1::int8 AS n, $2::text", [.int8(Int64(n)), .text("hé")])
            #expect(try rows[0].decode("n", as: Int64.self) == Int64(n))
            #expect(try rows[0].decode(1, as: String.self) == "hé")
        }
        await connection.close()
    }
    @Test func ownServer() async throws {
        try await PostgresServer.with { server in
            let client = PostgresClient(try PostgresConfiguration(url: server.url), logger: quiet)
            #expect(try await client.query("SELECT 1")[0].decode(0, as: Int.self) == 1)
            try await server.kill()
            await #expect(throws: (any Error).self) { try await client.query("SELECT 2") }
            try await server.start()
            #expect(try await client.query("SELECT 1")[0].decode(0, as: Int.self) == 1)
            await client.shutdown()
        }
    }
    @Test func database() async throws {
        try await withTestDatabase { url in
            let client = PostgresClient(try PostgresConfiguration(url: url), logger: quiet)
            try await client.query("CREATE TABLE x (a int)")
            await client.shutdown()
        }
    }
}
