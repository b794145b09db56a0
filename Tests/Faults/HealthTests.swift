import Foundation
import Glibc
import Ledger
import Postgres
import TestSupport
import Testing

/// `GET /` while something is away: 503, in the documented shape, and what it says of the rest.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct HealthTests {
    private struct Part: Decodable, Equatable { let connected: Bool, error: String? }
    private struct Books: Decodable, Equatable { let protected: Bool, writable: Bool }
    private struct Spool: Decodable, Equatable { let writable: Bool }

    private struct Health: Decodable {
        let status: String, database: Part, redis: Part, ledger: Books, spool: Spool
    }

    private struct Answer: Decodable { let message: String, version: String, health: Health }

    private static let here = Part(connected: true, error: nil)

    @Test func `Postgres away is told, and that it is back`() async throws {
        try await PostgresServer.with { server in
            try await withGateway(server: server.url) { gateway in
                let well = try await Self.ask(gateway)
                #expect(well.status == 200 && well.health.status == "healthy", "\(well)")
                #expect(well.health.database == Self.here && well.health.redis == Self.here)
                #expect(well.health.ledger == Books(protected: true, writable: true) && well.health.spool.writable)
                try await server.kill()
                let away = try await Self.ask(gateway)
                #expect(away.status == 503 && away.health.status == "unhealthy", "\(away)")
                #expect(away.health.database == Part(connected: false, error: "Connection failed"))
                #expect(away.health.redis == Self.here && away.health.spool.writable)
                // Nobody had anything to append.
                try await eventually("the appender misses it too") { try await !Self.ask(gateway).health.ledger.writable }
                try await server.start()
                try await eventually("the gateway is healthy again") { try await Self.ask(gateway).status == 200 }
            }
        }
    }

    @Test func `Redis away or stuck is told, and that it is back`() async throws {
        try await withGateway { gateway in
            #expect(try await Self.ask(gateway).status == 200)
            await gateway.redis.kill()
            try await Self.expectRedisAway(gateway)
            try await gateway.redis.start()
            try await eventually("the gateway is healthy again") { try await Self.ask(gateway).status == 200 }
            gateway.redis.pause()
            try await Self.expectRedisAway(gateway)
            gateway.redis.resume()
            try await eventually("the gateway is healthy again") { try await Self.ask(gateway).status == 200 }
        }
    }

    /// What is read says nothing of what can be written.
    @Test func `a ledger that takes nothing is told although it answers`() async throws {
        try await withGateway { gateway in
            let token = try await GatewayClient.shop(gateway)
            #expect(try await GatewayClient.chat(gateway, token).status == 200)
            try await Self.script(gateway, "REVOKE EXECUTE ON FUNCTION ledger.append FROM llmgateway_service")
            let refused = try await GatewayClient.chat(gateway, token)
            #expect(refused.status == 503 && refused.retryAfter != nil, "\(refused)")
            let told = try await Self.ask(gateway)
            #expect(told.status == 503 && told.health.status == "unhealthy", "\(told)")
            #expect(told.health.database == Self.here && told.health.redis == Self.here)
            #expect(!told.health.ledger.writable && told.health.spool.writable)
            try await Self.script(gateway, "GRANT EXECUTE ON FUNCTION ledger.append TO llmgateway_service")
            try await eventually("requests are let in again") { try await GatewayClient.chat(gateway, token).status == 200 }
            #expect(try await Self.ask(gateway).status == 200)
        }
    }

    @Test func `a spool that takes nothing is told although nobody needs it`() async throws {
        let machine = try await FaultyMachine()
        try await withGateway(environment: machine.environment) { gateway in
            let token = try await GatewayClient.shop(gateway)
            #expect(try await Self.ask(gateway).status == 200)
            try machine.set(error: ENOSPC)
            try await eventually("the disk is found to be full") { try await Self.ask(gateway).status == 503 }
            let told = try await Self.ask(gateway).health
            #expect(told.database == Self.here && told.ledger.writable && !told.spool.writable, "\(told)")
            #expect(try await GatewayClient.chat(gateway, token).status == 200)
            try machine.set(error: 0)
            try await eventually("the disk is found to have room") { try await Self.ask(gateway).status == 200 }
        }
        machine.remove()
    }

    // MARK: -

    private static func expectRedisAway(_ gateway: GatewayProcess) async throws {
        let away = try await ask(gateway)
        #expect(away.status == 503 && away.health.status == "unhealthy", "\(away)")
        #expect(!away.health.redis.connected, "\(away)")
        // Which of them depends on whether it was being connected to.
        #expect(["Connection failed", "Connection timeout"].contains(away.health.redis.error), "\(away)")
        #expect(away.health.database == here && away.health.ledger.writable && away.health.spool.writable, "\(away)")
    }

    private static func ask(_ gateway: GatewayProcess) async throws -> (status: Int, health: Health) {
        let answer = try await GatewayClient.get(gateway, "/")
        let told = try JSONDecoder().decode(Answer.self, from: Data(answer.body.utf8))
        #expect(told.message == "LLM Gateway API is running" && !told.version.isEmpty)
        return (answer.status, told.health)
    }

    private static func script(_ gateway: GatewayProcess, _ sql: String) async throws {
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(url: gateway.database.url), logger: LedgerDatabase.quiet)
        try await connection.script(sql)
        await connection.close()
    }
}
