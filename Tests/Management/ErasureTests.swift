import Foundation
import HTTPTypes
import Ledger
import Postgres
import Projections
import TestSupport
import Testing
import Web

@testable import Management

/// What is left of an organization when a person who was in it is erased.
@Suite struct ErasureTests {
    @Test func whatAPersonDeletedBeforeGoesWithThem() async throws {
        try await World.run { world in
            let (user, organization, _) = try await world.owner()
            let billing = #"{"billingEmail":"somebody@else.test","billingCompany":"Acme Ltd"}"#
            #expect(try await world.send(.patch, "/orgs/\(organization)", billing, as: user).status == 200)
            #expect(try await world.send(.delete, "/orgs/\(organization)", as: user).status == 200)
            #expect(try await left(of: organization, world) == Left(texts: 3, requests: 0))

            try await world.management.erase(person: user, verifiedEmail: nil)
            #expect(try await left(of: organization, world) == Left(texts: 0, requests: 1))
            // Asked again, it has nothing to say.
            try await world.management.erase(person: user, verifiedEmail: nil)
            #expect(try await left(of: organization, world) == Left(texts: 0, requests: 1))
        }
    }

    @Test func whatADeletedOrganizationHoldsGoesWithItsLastMember() async throws {
        try await World.run { world in
            let (owner, organization, _) = try await world.owner()
            let member = UserID.mint()
            try await join(organization, of: owner, as: member, world)
            let billing = #"{"billingEmail":"\#(TestSessions.email(owner))","billingCompany":"Acme Ltd"}"#
            #expect(try await world.send(.patch, "/orgs/\(organization)", billing, as: owner).status == 200)
            #expect(try await world.send(.delete, "/orgs/\(organization)", as: owner).status == 200)

            try await world.management.erase(person: owner, verifiedEmail: TestSessions.email(owner))
            let kept = try await left(of: organization, world)
            #expect(kept.texts > 0 && kept.requests == 0)
            #expect(try await addresses(in: organization, world) == 0)
            try await world.management.erase(person: member, verifiedEmail: nil)
            #expect(try await left(of: organization, world) == Left(texts: 0, requests: 1))
        }
    }

    @Test func anAddressGoesFromAnOrganizationThatWasLeft() async throws {
        try await World.run { world in
            let (owner, organization, _) = try await world.owner()
            let member = UserID.mint()
            try await join(organization, of: owner, as: member, world)
            let billing = #"{"billingEmail":"\#(TestSessions.email(member))","billingCompany":"Acme Ltd"}"#
            #expect(try await world.send(.patch, "/orgs/\(organization)", billing, as: owner).status == 200)
            let gone = try await world.send(.delete, "/team/\(organization)/members/\(member)", as: member)
            #expect(gone.status == 200)
            #expect(try await addresses(in: organization, world) == 1)

            try await world.management.erase(person: member, verifiedEmail: TestSessions.email(member))
            #expect(try await addresses(in: organization, world) == 0)
            let read = try await world.send(.get, "/orgs/\(organization)", as: owner)
            #expect(read.text("organization.billingCompany") == "Acme Ltd")
        }
    }

    /// The organization is deleted already when it is asked again, and nothing was erased yet.
    @Test func whatWasInterruptedIsFinishedWhenItIsAskedAgain() async throws {
        try await World.run { world in
            let (user, organization, _) = try await world.owner()
            let billing = #"{"billingEmail":"\#(TestSessions.email(user))"}"#
            #expect(try await world.send(.patch, "/orgs/\(organization)", billing, as: user).status == 200)
            let management = Management(
                appender: world.appender, postgres: world.management.postgres, reader: world.management.reader,
                patience: .seconds(3), logger: quiet)
            // A read model that nobody waits for before the change, only after it.
            let holder = try await PostgresConnection.connect(world.database.configuration, logger: quiet)
            try await holder.script(
                "BEGIN; SELECT 1 FROM projections.checkpoints WHERE schema_name = 'provider_keys' FOR NO KEY UPDATE")
            let interrupted = await #expect(throws: WebError.self) {
                try await management.erase(person: user, verifiedEmail: TestSessions.email(user))
            }
            #expect(interrupted?.status == 202)
            try await holder.script("ROLLBACK")
            await holder.close()
            let head = try await world.database.head()
            _ = try await waitUntil(
                projection: "organizations", position: head, deadline: .seconds(60), client: world.database.client)
            #expect(try await world.send(.get, "/orgs/\(organization)", as: user).status == 404)
            #expect(try await left(of: organization, world) == Left(texts: 3, requests: 0))
            #expect(try await addresses(in: organization, world) == 0)

            try await world.management.erase(person: user, verifiedEmail: TestSessions.email(user))
            #expect(try await left(of: organization, world) == Left(texts: 0, requests: 1))
        }
    }

    private struct Left: Equatable {
        let texts: Int64
        /// For what lies beside the events, by a serving process.
        let requests: Int64
    }

    private func left(of organization: String, _ world: World) async throws -> Left {
        let id = try #require(OrganizationID(organization))
        let row = try await world.database.client.query(
            """
            SELECT (SELECT count(*) FROM management.texts WHERE organization = $1),
                (SELECT count(*) FROM ledger.erasures WHERE organization = $1)
            """, [.uuid(id.uuid)])[0]
        return Left(texts: try row.decode(0), requests: try row.decode(1))
    }

    private func addresses(in organization: String, _ world: World) async throws -> Int64 {
        let id = try #require(OrganizationID(organization))
        return try await world.database.client.query(
            "SELECT count(*) FROM management.texts WHERE organization = $1 AND body ? 'billingEmail'", [.uuid(id.uuid)]
        )[0].decode(0)
    }

    private func join(_ organization: String, of owner: UserID, as member: UserID, _ world: World) async throws {
        let body = #"{"email":"\#(TestSessions.email(member))","role":"developer"}"#
        let invited = try await world.send(.post, "/team/\(organization)/members", body, as: owner)
        let accept = "/team/\(organization)/invites/\(invited.text("invite.id"))/accept"
        #expect(try await world.send(.post, accept, as: member).status == 200)
    }
}
