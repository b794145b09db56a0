import Foundation
import Ledger
import Money
import Postgres
import TestSupport
import Testing

/// T20 with everything running: an event of a type or a version that this build can't know stops what counts money, and is named; whoever it does not
/// concern is served; once it is understood, everything is as if it had always been.
@Suite(.timeLimit(.minutes(10))) struct PoisonTests {
    private struct Status: Decodable {
        let name: String, schema: String, position: Int64, head: Int64, parked: Int64
        let haltedAt: Int64?
        let error: String?
    }

    /// What counts money and may not be wrong, and what may leave one organization out.
    private static let halting = ["balances", "balance_history", "grants", "journal", "transactions"]

    /// An event as a later version of the program would write it, and how a projection's folder comes to know it.
    struct Poison: Sendable, CustomTestStringConvertible {
        var type: String
        var schemaVersion: Int32
        var folder: String
        var mended: String
        var testDescription: String { "\(type) of version \(schemaVersion)" }

        static let all = [
            Poison(
                type: "credit.granted", schemaVersion: 99, folder: "\"credit.granted\": 1", mended: "\"credit.granted\": 99"),
            Poison(
                type: "credit.clawed_back", schemaVersion: 1, folder: "\"credit\": []",
                mended: "\"credit\": [\"credit.clawed_back\"]"),
        ]
    }

    @Test(.serialized, arguments: Poison.all)
    func `an event that is not known halts the money, parks one organization, and is dealt with once it is known`(
        _ poison: Poison
    ) async throws {
        // A root whose projections can be mended.
        let root = "/tmp/poison-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        for name in ["Sources", "schema"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(root)/\(name)", withDestinationPath: "\(TestEnvironment.root)/\(name)")
        }
        try FileManager.default.copyItem(atPath: "\(TestEnvironment.root)/projections", toPath: "\(root)/projections")
        try await withGateway(environment: ["LLMGATEWAY_ROOT": root]) { gateway in
            let (poisoned, other) = (try await GatewayClient.openShop(gateway), try await GatewayClient.openShop(gateway))
            for shop in [poisoned, other] { #expect(try await GatewayClient.chat(gateway, shop.token).status == 200) }
            let counted = try await balance(gateway, other.organization, atLeast: 1)

            let position = try await append(poison, to: poisoned.organization, in: gateway)
            let halted = try await statuses(gateway) { statuses in
                Self.halting.allSatisfy { name in statuses[name]?.haltedAt == position }
                    && (statuses["admission"]?.parked ?? 0) > 0
            }
            for name in Self.halting {
                #expect(
                    halted[name]?.error?.contains("\(poison.type) of schema version \(poison.schemaVersion)") == true,
                    "\(name): \(halted)")
                #expect(halted[name]?.position == position - 1)
            }
            let metrics = try await GatewayClient.get(gateway, "/metrics").body
            for name in Self.halting { #expect(metrics.contains("llmgateway_projection_halted{projection=\"\(name)\"} 1")) }
            #expect(metrics.contains("llmgateway_projection_parked{projection=\"admission\"} 1"))
            let health = try await GatewayClient.get(gateway, "/")
            #expect(health.status == 200 && health.body.contains(#""status":"degraded""#), "\(health)")
            for name in Self.halting { #expect(health.body.contains(#""\#(name)""#), "\(health)") }

            // Nobody is served on the credit of a balance that is not known; others are.
            let refused = try await GatewayClient.chat(gateway, poisoned.token)
            #expect(refused.status == 503, "\(refused)")
            for _ in 0..<3 { #expect(try await GatewayClient.chat(gateway, other.token).status == 200) }
            // What can't count everything counts nothing more: its figures are old, and say so.
            #expect(try await balance(gateway, other.organization, atLeast: 1) == counted)
            // Whoever folds the ledger itself does not pass it over either.
            await #expect(throws: (any Error).self) {
                try await gateway.command("balance", "--organization", poisoned.organization)
            }
            try await gateway.command("balance", "--organization", other.organization)
            try await gateway.command("ledger", "verify")

            // The next version knows it.
            await gateway.stop()
            for name in Self.halting + ["admission"] {
                try Self.mend(poison, "\(root)/projections/\(name)/projection.json")
                try await gateway.command("projections", "rebuild", name)
            }
            try await gateway.start()
            var answer = try await GatewayClient.chat(gateway, poisoned.token)
            for _ in 0..<1_000 where answer.status == 503 {
                try await Task.sleep(for: .milliseconds(50))
                answer = try await GatewayClient.chat(gateway, poisoned.token)
            }
            #expect(answer.status == 200, "\(answer)")
            _ = try await statuses(gateway) { statuses in
                statuses.values.filter { $0.schema == $0.name }.allSatisfy {
                    $0.haltedAt == nil && $0.parked == 0 && $0.position == $0.head
                }
            }
            #expect(try await balance(gateway, other.organization, atLeast: counted + 1) > counted)
            // T3: the live tables are what a replay of everything gives.
            for name in Self.halting + ["admission", "usage", "requests"] {
                try await gateway.command("projections", "compare", name)
            }
        }
    }

    private static func mend(_ poison: Poison, _ path: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let mended = text.replacing(poison.folder, with: poison.mended)
            .replacing(/"version": (\d+)/) { "\"version\": \((Int($0.output.1) ?? 0) + 1)" }
        try #require(mended.contains(poison.mended))
        try mended.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func append(_ poison: Poison, to organization: String, in gateway: GatewayProcess) async throws -> Int64 {
        let id = try #require(OrganizationID(organization))
        let known = try NewEvent(
            CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(5_000_000_000)), stream: .credit(id),
            expectedVersion: nil, organization: id)
        let event = try NewEvent(
            id: known.id, stream: known.stream, expectedVersion: nil, type: poison.type, schemaVersion: poison.schemaVersion,
            organization: id, data: known.data, occurredAt: known.occurredAt, epoch: nil)
        return try await LedgerDatabase.with(url: gateway.database.url) { try await $0.append([event]) }
    }

    private func statuses(
        _ gateway: GatewayProcess, until condition: ([String: Status]) -> Bool
    ) async throws -> [String: Status] {
        let end = ContinuousClock.now + .seconds(60)
        while true {
            let text = try await gateway.command("projections", "status", "--json")
            let found = try JSONDecoder().decode([Status].self, from: Data(text.utf8))
            let statuses = Dictionary(uniqueKeysWithValues: found.map { ($0.schema, $0) })
            if condition(statuses) { return statuses }
            guard ContinuousClock.now < end else { throw ChildProcess.Failure(description: "too late: \(statuses)") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// What the read model says was charged, in nano-dollars.
    private func balance(_ gateway: GatewayProcess, _ organization: String, atLeast: Int64) async throws -> Int64 {
        let id = try #require(OrganizationID(organization))
        return try await LedgerDatabase.with(url: gateway.database.url) { database in
            let end = ContinuousClock.now + .seconds(60)
            var charged: Int64 = -1
            repeat {
                let rows = try await database.client.query(
                    "SELECT charged FROM balances.organizations WHERE organization = $1", [.uuid(id.uuid)])
                charged = try rows.first?.decode(0) ?? 0
            } while charged < atLeast && ContinuousClock.now < end
            return charged
        }
    }
}
