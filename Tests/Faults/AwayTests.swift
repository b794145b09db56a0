import Foundation
import Glibc
import Ledger
import Postgres
import TestSupport
import Testing

/// Postgres goes away while requests are at a provider: they are answered, and recorded once, whatever else happens meanwhile.
@Suite(
    .serialized, .timeLimit(.minutes(10)),
    .enabled(if: MockProvider.source != nil, "the mock provider's source is not there: set LLMGATEWAY_SHARED"))
struct AwayTests {
    enum Meanwhile: CaseIterable { case nothing, gatewayKilled }

    @Test(arguments: Meanwhile.allCases)
    func `what is in flight when Postgres dies is answered and recorded once`(meanwhile: Meanwhile) async throws {
        try await Self.withSlowGateway { gateway, server, provider in
            let shop = try await GatewayClient.openShop(gateway)
            async let answers = Self.ask(gateway, shop.token, times: 5)
            try await provider.keeping(5) { try await server.kill() }
            let heard = try await answers
            #expect(heard.map(\.status) == [200, 200, 200, 200, 200], "\(heard.map(\.body))")
            #expect(gateway.log.contains("an outcome went to the spool"))
            // Nothing is let in meanwhile, and the client hears when to come again.
            let refused = try await GatewayClient.chat(gateway, shop.token, model: "slow")
            #expect(refused.status == 503 && refused.retryAfter != nil)
            if meanwhile == .gatewayKilled { await gateway.kill() }
            try await server.start()
            if meanwhile == .gatewayKilled { try await gateway.start() }
            let types = try await Self.settled(gateway, count: 5)
            for answer in heard {
                #expect(types[answer.request ?? ""] == ["request.authorized", "request.completed"])
            }
            #expect(types.count == 5)
            #expect(try await Self.charged(gateway) == Int64(5 * SlowProvider.price))
            try await gateway.command("ledger", "verify")
        }
    }

    /// T22: what can't be made durable is no answer. It is recorded all the same once something takes it, because it was produced.
    @Test(arguments: [ENOSPC, EIO])
    func `what neither ledger nor disk takes is no answer, and recorded later`(error: Int32) async throws {
        let machine = try await FaultyMachine()
        try await Self.withSlowGateway(environment: machine.environment) { gateway, server, provider in
            let shop = try await GatewayClient.openShop(gateway)
            async let answers = Self.ask(gateway, shop.token, times: 3)
            try await provider.keeping(3) {
                try machine.set(error: error)
                try await server.kill()
            }
            let heard = try await answers
            #expect(heard.map(\.status) == [503, 503, 503], "\(heard.map(\.body))")
            try machine.set(error: 0)
            try await server.start()
            let types = try await Self.settled(gateway, count: 3)
            #expect(types.count == 3 && types.values.allSatisfy { $0 == ["request.authorized", "request.completed"] })
            #expect(try await Self.charged(gateway) == Int64(3 * SlowProvider.price))
            try await gateway.command("ledger", "verify")
        }
        machine.remove()
    }

    /// Nothing is authorized for what is charged nothing, so only the outcome shows that the ledger is away.
    @Test(arguments: [ENOSPC, EIO])
    func `what is free goes on while its outcome fits the spool`(error: Int32) async throws {
        let machine = try await FaultyMachine()
        try await Self.withSlowGateway(environment: machine.environment) { gateway, server, provider in
            let shop = try await GatewayClient.openShop(gateway)
            // What it needs to know of the organization is in memory from here on.
            #expect(try await GatewayClient.chat(gateway, shop.token, model: "free").status == 200)
            try await server.kill()
            try await eventually("the appender knows") {
                try await GatewayClient.get(gateway, "/metrics").body.contains("llmgateway_ledger_available 0\n")
            }
            let spooled = try await GatewayClient.chat(gateway, shop.token, model: "free")
            #expect(spooled.status == 200, "\(spooled)")
            let asked = try await provider.mock.requests()
            #expect(asked == 2)
            try machine.set(error: error)
            let refused = try await GatewayClient.chat(gateway, shop.token, model: "free")
            #expect(refused.status == 503 && refused.retryAfter != nil, "\(refused)")
            #expect(try await provider.mock.requests() == asked, "a provider was asked for what nobody can record")
            try machine.set(error: 0)
            #expect(try await GatewayClient.chat(gateway, shop.token, model: "free").status == 200)
            try await server.start()
            let types = try await Self.settled(gateway, count: 3, eventsEach: 1)
            #expect(types.count == 3 && types.values.allSatisfy { $0 == ["request.completed"] }, "\(types)")
            #expect(types[spooled.request ?? ""] != nil)
            try await gateway.command("ledger", "verify")
        }
        machine.remove()
    }

    // MARK: -

    private static func withSlowGateway(
        environment: [String: String] = [:], _ body: (GatewayProcess, PostgresServer, SlowProvider) async throws -> Void
    ) async throws {
        let provider = try await SlowProvider()
        try await PostgresServer.with { server in
            try await withGateway(
                environment: provider.environment.merging(environment) { _, given in given }, server: server.url
            ) { gateway in
                try await body(gateway, server, provider)
            }
        }
        await provider.remove()
    }

    private static func ask(
        _ gateway: GatewayProcess, _ token: String, times: Int
    ) async throws -> [GatewayClient.Answer] {
        try await withThrowingTaskGroup(of: GatewayClient.Answer.self) { group in
            for _ in 0..<times { group.addTask { try await GatewayClient.chat(gateway, token, model: "slow", maximum: 64) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private struct Event: Decodable { let stream: String, type: String }

    /// The events of each request, once so many have an outcome.
    private static func settled(
        _ gateway: GatewayProcess, count: Int, eventsEach: Int = 2
    ) async throws -> [String: [String]] {
        var types: [String: [String]] = [:]
        for _ in 0..<300 {
            types = [:]
            let events = try await gateway.command("ledger", "events", "--json", "--limit", "100000")
            for line in events.split(separator: "\n") {
                let event = try JSONDecoder().decode(Event.self, from: Data(line.utf8))
                guard event.stream.hasPrefix("request/"), event.type != "request.denied" else { continue }
                types[String(event.stream.dropFirst(8)), default: []].append(event.type)
            }
            if types.values.count(where: { $0.count >= eventsEach }) >= count { break }
            try await Task.sleep(for: .milliseconds(200))
        }
        return types
    }

    private static func charged(_ gateway: GatewayProcess) async throws -> Int64 {
        let quiet = LedgerDatabase.quiet
        let connection = try await PostgresConnection.connect(PostgresConfiguration(url: gateway.database.url), logger: quiet)
        let rows = try await connection.query(
            "SELECT coalesce(sum((data ->> 'charged')::bigint), 0)::bigint FROM ledger.events WHERE stream_kind = 'request'")
        await connection.close()
        return try rows[0].decode(0)
    }
}
