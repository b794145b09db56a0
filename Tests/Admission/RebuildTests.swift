import Ledger
import Money
import Postgres
import Projections
import Redis
import Testing

@testable import Admission

/// New tables behind a Redis that was filled from the old ones.
@Suite struct RebuildTests {
    @Test func whatNewTablesSayReachesRedisWithAnEpoch() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let request = shop.request(600)
            let before = try #require(try await shop.admit(request).admission)
            #expect(before.available == NanoDollars(400))
            #expect(try await !EpochStarter.isOwed(in: world.postgres))

            let report = try await Rebuilder(
                definition: Self.generous(), configuration: PostgresConfiguration(url: world.url), logger: quiet
            ).rebuild()
            #expect(report.comparison == nil)
            // The state in Redis is the old tables'; the hold that is not authorized yet is of their epoch.
            #expect(try await shop.admit(shop.request(401)).admission == nil)
            #expect(try await EpochStarter.isOwed(in: world.postgres))
            let epoch = try await EpochStarter(appender: world.appender, postgres: world.postgres)
                .startForAll(reason: "tables_rebuilt")
            #expect(epoch > report.position)
            #expect(try await !EpochStarter.isOwed(in: world.postgres))
            #expect(try await shop.authorize(request, before) == .staleEpoch(current: epoch))
            let after = try await world.client.readmit(request, staleEpoch: epoch, on: world.loop)
            #expect(after.admission?.epoch == epoch)
            #expect(after.admission?.available == NanoDollars(1400))
            // The same Redis is trusted as before.
            let marker = try await world.redis.trust.marker(world.serverKeys(), on: world.redis.any)
            #expect(try await world.redis.epochs.record().runID == marker.runID)
        }
    }

    /// A later version of the projection that counts credit twice.
    private static func generous() throws -> ProjectionDefinition {
        let present = try ProjectionDefinition.load(folder: admissionFolderPath)
        let apply = present.apply.replacing("THEN - d.amount ELSE d.amount END", with: "THEN - d.amount ELSE 2 * d.amount END")
        #expect(apply != present.apply)
        return try ProjectionDefinition(
            name: present.name, version: present.version + 1, events: present.events, onPoison: present.onPoison,
            tables: present.tables, indexes: present.indexes, apply: apply, verify: "SELECT 1 AS problem WHERE false")
    }
}
