import Ledger
import Postgres
import TestSupport
import Testing

@testable import Billing

@Suite struct WebhookErasureTests {
    /// All of it: also what names a dispute or a bill alone.
    @Test func theBodiesOfAnErasedOrganizationsWebhooksGoAndOthersStay() async throws {
        try await World.run { world in
            let organizations = try await world.organizations(2)
            for organization in organizations {
                let samples = StripeSamples(organization)
                for body in samples.payment + samples.subscription { try await world.deliver(body) }
            }
            func left() async throws -> Int64 {
                try await world.database.client.query("SELECT count(*) FROM ledger.payloads WHERE kind = 'webhook'")[0].decode(0)
            }
            let all = try await left()
            #expect(all > 10)
            let erasure = Erasure(client: world.client, logger: quiet)
            try await erasure.request(organization: organizations[0])
            #expect(try await erasure.pass() == 1)
            #expect(try await left() == all / 2)
            #expect(try await world.problems("payments") == [])
        }
    }
}
