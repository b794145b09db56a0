import HTTPTypes
import Ledger
import TestSupport
import Testing

@testable import Management

/// What a plan allows, with many who want the last place at once.
@Suite struct PlanLimitTests {
    private func statuses(_ count: Int, _ body: @escaping @Sendable (Int) async throws -> Int) async throws -> [Int] {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<count { group.addTask { try await body(index) } }
            var statuses: [Int] = []
            for try await status in group { statuses.append(status) }
            return statuses.sorted()
        }
    }

    @Test func aProjectHasFiveKeysHoweverManyAskAtOnce() async throws {
        try await World.run { world in
            let (user, _, project) = try await world.owner()
            let got = try await statuses(9) { _ in try await world.key(of: project, by: user).status }
            #expect(got == [200, 200, 200, 200, 200, 400, 400, 400, 400])
            let list = try await world.send(.get, "/keys/api?projectId=\(project)", as: user)
            #expect(list["planLimits.currentCount"] as? Int == 5 && list["planLimits.maxKeys"] as? Int == 5)
            // A deleted key makes room.
            _ = try await world.send(.delete, "/keys/api/\(list.text("apiKeys.0.id"))", as: user)
            #expect(try await world.key(of: project, by: user).status == 200)
            #expect(try await world.key(of: project, by: user).status == 400)
        }
    }

    /// The browser keeps what it is told last, so that must open.
    @Test func aPersonHasOneKeyOfThePlaygroundHoweverManyPagesAskAtOnce() async throws {
        try await World.run { world in
            let (user, _, project) = try await world.owner()
            // There is no key at first, and then one that the browser does not hold.
            for _ in 0..<2 {
                let answers = try await withThrowingTaskGroup(of: World.Answer.self) { group in
                    for _ in 0..<6 {
                        group.addTask {
                            try await world.send(
                                .post, "/playground/ensure-key", #"{"projectId":"\#(project)"}"#, as: user)
                        }
                    }
                    return try await group.reduce(into: [World.Answer]()) { $0.append($1) }
                }
                #expect(answers.allSatisfy { [200, 409].contains($0.status) }, "\(answers.map(\.text))")
                let last = try #require(answers.last { $0.status == 200 })
                let opens = try await world.management.hasPlaygroundKey(held: last.text("token"), user)
                #expect(opens)
            }
            let list = try await world.send(.get, "/keys/api?projectId=\(project)", as: user)
            #expect((list["apiKeys"] as? [Any])?.count == 1, "\(list.text)")
        }
    }

    @Test func aKeyHasAHundredRulesHoweverManyAskAtOnce() async throws {
        try await World.run { world in
            let (user, organization, project) = try await world.owner()
            let text = try await world.key(of: project, by: user).text("apiKey.id")
            let key = try #require(APIKeyID(text))
            let owner = try #require(OrganizationID(organization))
            try await world.database.append(
                try (0..<98).map { index in
                    try NewEvent(
                        IAMRuleCreated(rule: .mint(), kind: .denyModels, value: IAMRuleValue(models: ["m\(index)"])),
                        stream: .apiKey(key), expectedVersion: nil, organization: owner)
                })
            let got = try await statuses(6) { index in
                try await world.send(
                    .post, "/keys/api/\(text)/iam", #"{"ruleType":"deny_models","ruleValue":{"models":["n\#(index)"]}}"#, as: user
                ).status
            }
            #expect(got == [200, 200, 400, 400, 400, 400])
            #expect((try await world.send(.get, "/keys/api/\(text)/iam", as: user)["rules"] as? [Any])?.count == 100)
        }
    }

    @Test func anOrganizationHasTwoProjectsAndAPersonThreeOrganizations() async throws {
        try await World.run { world in
            let (user, organization, _) = try await world.owner()
            let projects = try await statuses(4) { index in
                try await world.send(
                    .post, "/projects", #"{"name":"p\#(index)","organizationId":"\#(organization)"}"#, as: user
                ).status
            }
            #expect(projects == [201, 403, 403, 403])
            let organizations = try await statuses(5) { index in
                try await world.send(.post, "/orgs", #"{"name":"o\#(index)"}"#, as: user).status
            }
            #expect(organizations == [200, 200, 403, 403, 403])
        }
    }

    @Test func twoOwnersCanNotDemoteEachOther() async throws {
        try await World.run { world in
            let (first, organization, _) = try await world.owner()
            let second = try await world.join(organization, role: "owner", invitedBy: first)
            let got = try await statuses(2) { index in
                let (who, whom) = index == 0 ? (first, second) : (second, first)
                return try await world.send(
                    .patch, "/team/\(organization)/members/\(whom)", #"{"role":"developer"}"#, as: who
                ).status
            }
            #expect(got.first == 200 && got.last != 200)
        }
    }
}

extension World {
    /// Invites a person, who accepts.
    func join(_ organization: String, role: String, invitedBy user: UserID) async throws -> UserID {
        let person = UserID.mint()
        let invited = try await send(
            .post, "/team/\(organization)/members", #"{"email":"\#(TestSessions.email(person))","role":"\#(role)"}"#, as: user)
        let accepted = try await send(
            .post, "/team/\(organization)/invites/\(invited.text("invite.id"))/accept", as: person)
        #expect(accepted.status == 200 && accepted.text("member.role") == role, "\(invited.text) \(accepted.text)")
        return person
    }
}
