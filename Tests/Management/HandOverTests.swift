import HTTPTypes
import Ledger
import TestSupport
import Testing

@testable import Management

/// What is left of an account's doings when it goes to whoever reads its mailbox.
@Suite struct HandOverTests {
    @Test func anOrganizationThatOnlyThePersonOwnsIsTheirsAlone() async throws {
        try await World.run { world in
            let (person, organization, project) = try await world.owner()
            let developer = try await join(organization, of: person, as: "developer", world)
            for user in [person, developer] { #expect(try await world.key(of: project, by: user).status == 200) }
            let guest = #"{"email":"guest@people.test","role":"admin"}"#
            #expect(try await world.send(.post, "/team/\(organization)/members", guest, as: person).status == 200)
            let credential = #"{"organizationId":"\#(organization)","provider":"openai","token":"sk-live-0123456789"}"#
            #expect(try await world.send(.post, "/keys/provider", credential, as: person).status == 200)

            try await world.management.handOver(person: person)
            // Nobody may come in by an invitation after those who are in were counted.
            let left = try await world.database.lines(
                "SELECT type FROM ledger.events WHERE stream_kind = 'organization' ORDER BY position DESC LIMIT 2")
            #expect(left == ["(member.removed)", "(member.invite_withdrawn)"])
            let owned = try await world.send(.get, "/orgs", as: person)
            #expect(owned.text("organizations.0.id") == organization && owned["organizations.1"] == nil)
            let keys = try await world.management.keys(of: nil, for: person, mine: false)
            #expect(keys.map(\.status) == ["deleted", "deleted"])
            let team = try await world.send(.get, "/team/\(organization)/members", as: person)
            #expect(team.text("members.0.userId") == "\(person)" && team["members.1"] == nil && team["invites.0"] == nil)
            let credentials = try await world.send(.get, "/keys/provider", as: person)
            #expect(credentials.text("providerKeys.0.status") == "inactive")
            #expect(try await world.send(.get, "/orgs/\(organization)/projects", as: developer).status == 403)

            // Asked again, it has nothing to say.
            let head = try await world.database.head()
            try await world.management.handOver(person: person)
            #expect(try await world.database.head() == head)
        }
    }

    @Test func anOrganizationThatSomebodyElseOwnsIsLeft() async throws {
        try await World.run { world in
            let (person, organization, project) = try await world.owner()
            let other = try await join(organization, of: person, as: "owner", world)
            for user in [person, other] { #expect(try await world.key(of: project, by: user).status == 200) }
            let guest = #"{"email":"guest@people.test","role":"admin"}"#
            #expect(try await world.send(.post, "/team/\(organization)/members", guest, as: person).status == 200)

            try await world.management.handOver(person: person)
            let owned = try await world.send(.get, "/orgs", as: person)
            let fresh = owned.text("organizations.0.id")
            #expect(!fresh.isEmpty && fresh != organization && owned["organizations.1"] == nil)
            let team = try await world.send(.get, "/team/\(organization)/members", as: other)
            #expect(team.text("members.0.userId") == "\(other)" && team["members.1"] == nil && team["invites.0"] == nil)
            let keys = try await world.management.keys(of: nil, for: other, mine: false)
            #expect(keys.map(\.status) == ["deleted", "active"])
        }
    }

    private func join(
        _ organization: String, of owner: UserID, as role: String, _ world: World
    ) async throws -> UserID {
        let member = UserID.mint()
        let body = #"{"email":"\#(TestSessions.email(member))","role":"\#(role)"}"#
        let invited = try await world.send(.post, "/team/\(organization)/members", body, as: owner)
        let accept = "/team/\(organization)/invites/\(invited.text("invite.id"))/accept"
        #expect(try await world.send(.post, accept, as: member).status == 200)
        return member
    }
}
