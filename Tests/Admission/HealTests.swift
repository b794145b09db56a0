import Ledger
import Money
import Postgres
import Redis
import Testing

@testable import Admission

/// Losses of Redis, and what a gateway does about them.
@Suite struct HealTests {
    @Test func anOrganizationGoesFromItsEventsToTheFirstAdmission() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000, keyLimit: 400)
            try await world.catchUp()
            #expect(try await world.client.address(ofDigest: shop.digest, client: "::1", on: world.loop) == shop.address)
            #expect(try await world.client.available(shop.address, on: world.loop) == NanoDollars(400))
            let request = shop.request(300)
            let admission = try #require(try await shop.admit(request).admission)
            #expect(admission.available == NanoDollars(100))
            guard case .appended = try await shop.authorize(request, admission) else {
                Issue.record("the authorization was refused")
                return
            }
            try await shop.settle(request.request, held: 300, cost: 120)
            await world.client.lower(request.request, address: shop.address, to: NanoDollars(120), on: world.loop)
            #expect(try await world.client.available(shop.address, on: world.loop) == NanoDollars(280))
            try await world.catchUp()
            let (stored, seeded) = (try await shop.stored(), try await shop.seeded())
            #expect(stored.fields == seeded.fields)
            #expect(stored.holds == seeded.holds)
            #expect(try await world.projector.problems() == [])
            // No epoch was needed for it but the one with which this Redis was first seen.
            let epochs = try await world.postgres.query("SELECT organization FROM ledger.epochs")
            #expect(epochs.count == 1)
        }
    }
}
