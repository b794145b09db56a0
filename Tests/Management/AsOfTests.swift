import Foundation
import HTTPTypes
import Ledger
import Money
import Postgres
import Projections
import TestSupport
import Testing
import Web

@testable import Management

/// A read model that stands still is read as ever, and each answer says up to when it is counted.
@Suite struct AsOfTests {
    private static let paths = ["/activity?days=7", "/logs", "/orgs/{org}/transactions"]
    private static let models = ["usage", "requests", "transactions", "payments"]

    @Test func whatIsReadSaysUpToWhenItIsCounted() async throws {
        try await World.run { world in
            let tenant = Tenant()
            try await tenant.append(to: world)
            let first = try await Self.grant(tenant, in: world)
            try await Self.expect(first, world, tenant)
            let connection = try await PostgresConnection.connect(world.database.configuration, logger: quiet)
            let second = try await connection.withTransaction { connection in
                // Nobody can move the checkpoints of these while they are held.
                _ = try await connection.query(
                    "SELECT FROM projections.checkpoints WHERE schema_name = ANY ($1::text[]) FOR UPDATE",
                    [.textArray(Self.models)])
                let second = try await Self.grant(tenant, in: world, appliedBy: ["organizations"])
                for path in Self.paths {
                    let answer = try await world.send(.get, tenant.fill(path), as: tenant.owner)
                    #expect(answer.status == 200 && answer.text("as_of") == first, "\(path): \(answer.text)")
                }
                return second
            }
            await connection.close()
            #expect(second > first)
            try await Self.expect(second, world, tenant)
        }
    }

    private static func expect(_ time: String, _ world: World, _ tenant: Tenant) async throws {
        for path in paths {
            try await eventually("\(path) has caught up") {
                let answer = try await world.send(.get, tenant.fill(path), as: tenant.owner)
                #expect(answer.status == 200, "\(path): \(answer.text)")
                return answer.text("as_of") == time
            }
        }
    }

    /// Gives credits, and returns when that was recorded, as answers write it.
    private static func grant(_ tenant: Tenant, in world: World, appliedBy models: [String] = models) async throws -> String {
        // Answers tell the time in milliseconds.
        try await Task.sleep(for: .milliseconds(5))
        let position = try await world.database.append([
            NewEvent(
                CreditGranted(grant: .mint(), kind: .promotional, amount: NanoDollars(1)), stream: .credit(tenant.organization),
                expectedVersion: nil, organization: tenant.organization)
        ])
        for model in models {
            #expect(
                try await waitUntil(
                    projection: model, position: position, deadline: .seconds(60), client: world.database.client))
        }
        let rows = try await world.database.client.query(
            "SELECT recorded_at FROM ledger.events WHERE position = $1", [.int8(position)])
        return Timestamp(microseconds: try rows[0].decode(0, as: PostgresTimestamp.self).microseconds).web
    }
}
