import Foundation
import Ledger
import Money
import Postgres
import Projections
import TestSupport

@testable import Management

/// One organization with everything in it, made by events.
struct Tenant: Sendable {
    let organization = OrganizationID.mint()
    let owner = UserID.mint()
    let admin = UserID.mint()
    let developer = UserID.mint()
    let member = UserID.mint()
    let project = ProjectID.mint()
    let ownerKey = APIKeyID.mint()
    let developerKey = APIKeyID.mint()
    let rule = IAMRuleID.mint()
    let memberRule = IAMRuleID.mint()
    let invite = InviteID.mint()
    let providerKey = ProviderKeyID.mint()
    let request = Ledger.RequestID.mint()
    let chat = ChatID.mint()

    func append(to world: World) async throws {
        let stream = StreamName.organization(organization)
        func event(_ data: some EventData, _ stream: StreamName) throws -> NewEvent {
            try NewEvent(data, stream: stream, expectedVersion: nil, organization: organization)
        }
        func key(_ creator: UserID) -> APIKeyCreated {
            APIKeyCreated(
                project: project, tokenSHA256: APIKeyToken().digest, hint: "llmgtwy_test", createdBy: creator)
        }
        let events = try [
            event(OrganizationCreated(plan: "enterprise"), stream), event(MemberAdded(user: owner, role: .owner), stream),
            event(MemberAdded(user: admin, role: .admin), stream), event(MemberAdded(user: developer, role: .developer), stream),
            event(MemberAdded(user: member, role: .developer), stream), event(ProjectCreated(), .project(project)),
            event(key(owner), .apiKey(ownerKey)), event(key(developer), .apiKey(developerKey)),
            event(
                IAMRuleCreated(rule: rule, kind: .denyModels, value: IAMRuleValue(models: ["x"])), .apiKey(ownerKey)),
            event(
                MemberRuleCreated(user: member, rule: memberRule, kind: .denyModels, value: IAMRuleValue(models: ["x"])), stream),
            event(ProviderKeyCreated(provider: "openai", place: 1), .providerKey(providerKey)),
            event(
                MemberInvited(invite: invite, role: .developer, expiresAt: Timestamp.now.advanced(by: .seconds(3600))), stream),
        ]
        let authorized = RequestAuthorized(
            instance: .mint(), epoch: 2, admittedAt: .now, project: project, apiKey: ownerKey, requestedModel: "m", model: "m",
            provider: "p", stream: false, held: NanoDollars(0), strict: true)
        let asked = try NewEvent(authorized, stream: .request(request), expectedVersion: 0, organization: organization)
        guard let position = try await world.appender.append(Command(events + [asked]), deadline: .seconds(60)).position else {
            return
        }
        _ = try await world.database.client.query(
            "INSERT INTO management.chats (id, user_id, title, model) VALUES ($1, $2, 't', 'm')",
            [.uuid(chat.uuid), .uuid(owner.uuid)])
        for name in ["organizations", "keys", "provider_keys", "admission", "requests"] {
            _ = try await waitUntil(
                projection: name, position: position, deadline: .seconds(60), client: world.database.client)
        }
    }

    func user(_ who: Who) -> UserID? {
        switch who {
        case .owner: owner
        case .admin: admin
        case .developer: developer
        case .outsider, .other, .none: nil
        }
    }

    func fill(_ text: String) -> String {
        let places: [String: String] = [
            "{org}": "\(organization)", "{project}": "\(project)", "{ownerKey}": "\(ownerKey)",
            "{developerKey}": "\(developerKey)", "{rule}": "\(rule)", "{memberRule}": "\(memberRule)", "{member}": "\(member)",
            "{owner}": "\(owner)",
            "{invite}": "\(invite)", "{providerKey}": "\(providerKey)", "{request}": "\(request)", "{chat}": "\(chat)",
        ]
        return places.reduce(text) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
    }
}
