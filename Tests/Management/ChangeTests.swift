import HTTPTypes
import Ledger
import TestSupport
import Testing

@testable import Management

/// Changes that name nothing that their routes change.
@Suite struct ChangeTests {
    @Test func aChangeOfNothingIsNotAnsweredAsDone() async throws {
        try await World.run { world in
            let (user, organization, project) = try await world.owner()
            let key = try await world.key(of: project, by: user).text("apiKey.id")
            let credential = #"{"provider":"openai","token":"sk-live-0123456789","organizationId":"\#(organization)"}"#
            let account = try await world.send(.post, "/keys/provider", credential, as: user).text("providerKey.id")
            let denial = #"{"ruleType":"deny_models","ruleValue":{"models":["m"]}}"#
            let rule = try await world.send(.post, "/keys/api/\(key)/iam", denial, as: user).text("rule.id")
            let ceilings = "/team/\(organization)/members/me/iam"
            let ceiling = try await world.send(.post, ceilings, denial, as: user).text("rule.id")
            let chat = try await world.send(.post, "/chats", #"{"title":"t","model":"m"}"#, as: user).text("chat.id")
            let head = try await world.database.head()
            for path in [
                "/orgs/\(organization)", "/projects/\(project)", "/keys/api/\(key)", "/keys/api/limit/\(key)",
                "/keys/provider/\(account)", "/keys/api/\(key)/iam/\(rule)", "\(ceilings)/\(ceiling)", "/chats/\(chat)",
            ] {
                for body in ["{}", #"{"token":"sk-live-9876543210","tittle":"x"}"#] {
                    let answer = try await world.send(.patch, path, body, as: user)
                    #expect(answer.status == 400, "\(path): \(answer.text)")
                }
            }
            #expect(try await world.database.head() == head)
        }
    }
}
