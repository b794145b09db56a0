import Foundation
import Ledger
import Money
import TestSupport

/// Random but valid histories of what people manage: members who come and go, invitations, projects, keys and their rules,
/// provider keys. Their times step back, as those of many processes' clocks do.
struct ManagementHistory {
    var random: SeededGenerator
    private var organizations: [OrganizationID] = []
    private var members: [OrganizationID: [UserID]] = [:]
    private var invites: [(InviteID, OrganizationID)] = []
    private var projects: [(ProjectID, OrganizationID)] = []
    private var keys: [(APIKeyID, OrganizationID)] = []
    private var deletedKeys: Set<APIKeyID> = []
    private var memberRules: [(IAMRuleID, UserID, OrganizationID)] = []
    private var rules: [(IAMRuleID, APIKeyID, OrganizationID)] = []
    private var providerKeys: [(ProviderKeyID, OrganizationID)] = []

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func events(_ count: Int) throws -> [NewEvent] {
        var events: [NewEvent] = []
        while events.count < count { try events.append(contentsOf: step()) }
        return events
    }

    private mutating func step() throws -> [NewEvent] {
        guard let organization = organizations.randomElement(using: &random), chance(20) > 0 else { return try newOrganization() }
        switch chance(16) {
        case 0:
            let user = UserID.mint()
            members[organization, default: []].append(user)
            let invite = invites.firstIndex { $0.1 == organization }.map { invites.remove(at: $0).0 }
            return [try event(MemberAdded(user: user, role: role(), invite: invite), .organization(organization), organization)]
        case 1:
            guard let user = members[organization]?.randomElement(using: &random) else { return [] }
            return [try event(MemberRoleChanged(user: user, role: role()), .organization(organization), organization)]
        case 2:
            guard let user = members[organization]?.randomElement(using: &random) else { return [] }
            let removed = try event(MemberRemoved(user: user), .organization(organization), organization)
            if chance(2) == 0 {
                return [removed, try event(MemberAdded(user: user, role: role()), .organization(organization), organization)]
            }
            members[organization]?.removeAll { $0 == user }
            return [removed]
        case 3:
            let invite = InviteID.mint()
            if chance(3) > 0 { invites.append((invite, organization)) }
            let invited = try event(
                MemberInvited(invite: invite, role: role(), expiresAt: .now), .organization(organization), organization)
            return invites.contains { $0.0 == invite }
                ? [invited]
                : [invited, try event(MemberInviteWithdrawn(invite: invite), .organization(organization), organization)]
        case 4: return [try newProject(organization)]
        case 5:
            let update = OrganizationUpdated(
                plan: chance(3) == 0 ? "pro" : nil, strict: chance(2) == 0, texts: chance(2) == 0 ? true : nil,
                retention: chance(2) == 0 ? "none" : nil, autoTopUp: chance(2) == 0,
                autoTopUpAmount: NanoDollars(Int64(chance(9))))
            return [try event(update, .organization(organization), organization)]
        case 6, 7: return try changeProject()
        case 8: return try newKey()
        case 9, 10: return try changeMemberRule(organization)
        case 11, 12: return try changeProviderKey(organization)
        default: return try changeKey()
        }
    }

    private mutating func changeMemberRule(_ organization: OrganizationID) throws -> [NewEvent] {
        let known = memberRules.indices.filter { memberRules[$0].2 == organization }
        guard let index = known.randomElement(using: &random), chance(2) == 0 else {
            guard let user = members[organization]?.randomElement(using: &random) else { return [] }
            let rule = IAMRuleID.mint()
            memberRules.append((rule, user, organization))
            return [
                try event(
                    MemberRuleCreated(user: user, rule: rule, kind: .denyModels, value: IAMRuleValue(models: ["m"])),
                    .organization(organization), organization)
            ]
        }
        let (rule, user, _) = memberRules[index]
        if chance(3) == 0 {
            memberRules.remove(at: index)
            return [try event(MemberRuleDeleted(user: user, rule: rule), .organization(organization), organization)]
        }
        let update = MemberRuleUpdated(
            user: user, rule: rule, kind: chance(2) == 0 ? .allowModels : nil,
            value: chance(2) == 0 ? IAMRuleValue(models: ["n"]) : nil, status: chance(2) == 0 ? .inactive : nil)
        return [try event(update, .organization(organization), organization)]
    }

    private mutating func newOrganization() throws -> [NewEvent] {
        let id = OrganizationID.mint()
        var events = [try event(OrganizationCreated(strict: chance(2) == 0), .organization(id), id)]
        if let referrer = organizations.randomElement(using: &random), chance(2) == 0 {
            events.append(try event(OrganizationReferred(referrer: referrer), .organization(id), id))
        }
        organizations.append(id)
        return events + [try newProject(id)]
    }

    private mutating func newProject(_ organization: OrganizationID) throws -> NewEvent {
        let id = ProjectID.mint()
        projects.append((id, organization))
        return try event(
            ProjectCreated(caching: chance(2) == 0, cacheSeconds: chance(2) == 0 ? 10 : nil), .project(id), organization)
    }

    private mutating func changeProject() throws -> [NewEvent] {
        guard let (id, organization) = projects.randomElement(using: &random) else { return [] }
        if chance(12) == 0 { return [try event(ProjectDeleted(), .project(id), organization)] }
        let modes = ["credits", "api-keys", "hybrid"]
        let update = ProjectUpdated(
            usageLimit: [.unchanged, .cleared, .set(NanoDollars(Int64(chance(99))))][chance(3)], mode: modes[chance(3)],
            caching: chance(2) == 0, cacheSeconds: Int64(1 + chance(50)), texts: chance(2) == 0 ? true : nil)
        return [try event(update, .project(id), organization)]
    }

    private mutating func newKey() throws -> [NewEvent] {
        guard let (project, organization) = projects.randomElement(using: &random) else { return [] }
        let id = APIKeyID.mint()
        keys.append((id, organization))
        let created = APIKeyCreated(
            project: project, tokenSHA256: digest(), usageLimit: chance(2) == 0 ? NanoDollars(7) : nil, hint: "llmgtwy_abcd",
            createdBy: .mint(), periodLimit: chance(2) == 0 ? period() : nil)
        return [try event(created, .apiKey(id), organization)]
    }

    private mutating func changeKey() throws -> [NewEvent] {
        guard let (id, organization) = keys.randomElement(using: &random), !deletedKeys.contains(id) else { return [] }
        let stream = StreamName.apiKey(id)
        switch chance(10) {
        case 0: return [try event(APIKeyStatusChanged(status: chance(2) == 0 ? .active : .inactive), stream, organization)]
        case 1: return [try event(APIKeyRenamed(), stream, organization)]
        case 2: return [try event(APIKeyExpiryChanged(expiresAt: chance(2) == 0 ? .now : nil), stream, organization)]
        case 3: return [try event(APIKeyRolled(tokenSHA256: digest(), hint: "llmgtwy_wxyz"), stream, organization)]
        case 4 where chance(4) == 0:
            deletedKeys.insert(id)
            return [try event(APIKeyDeleted(), stream, organization)]
        case 5, 6:
            let rule = IAMRuleID.mint()
            rules.append((rule, id, organization))
            return [
                try event(
                    IAMRuleCreated(rule: rule, kind: .allowModels, value: IAMRuleValue(models: ["m"])), stream, organization)
            ]
        case 7:
            guard let (rule, key, organization) = rules.randomElement(using: &random) else { return [] }
            let update = IAMRuleUpdated(
                rule: rule, kind: chance(2) == 0 ? .denyModels : nil, value: chance(2) == 0 ? IAMRuleValue(models: ["n"]) : nil,
                status: chance(2) == 0 ? .inactive : nil)
            return [try event(update, .apiKey(key), organization)]
        case 8:
            guard !rules.isEmpty else { return [] }
            let (rule, key, organization) = rules.remove(at: chance(rules.count))
            return [try event(IAMRuleDeleted(rule: rule), .apiKey(key), organization)]
        default:
            let change = APIKeyLimitChanged(
                usageLimit: [.unchanged, .cleared, .set(NanoDollars(3))][chance(3)], requestsPerMinute: .set(Int64(chance(9))),
                periodLimit: [.unchanged, .cleared, .set(period())][chance(3)])
            return [try event(change, stream, organization)]
        }
    }

    private mutating func changeProviderKey(_ organization: OrganizationID) throws -> [NewEvent] {
        guard let (id, owner) = providerKeys.randomElement(using: &random), chance(3) > 0 else {
            let id = ProviderKeyID.mint()
            providerKeys.append((id, organization))
            let created = ProviderKeyCreated(provider: "openai", place: Int64(chance(9)), createdBy: .mint())
            return [try event(created, .providerKey(id), organization)]
        }
        if chance(12) == 0 { return [try event(ProviderKeyDeleted(), .providerKey(id), owner)] }
        let update = ProviderKeyUpdated(
            status: chance(2) == 0 ? .inactive : nil, place: chance(2) == 0 ? Int64(chance(9)) : nil)
        return [try event(update, .providerKey(id), owner)]
    }

    mutating func chance(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    private mutating func role() -> MemberRole { MemberRole.allCases[chance(3)] }

    private mutating func period() -> PeriodLimit {
        PeriodLimit(amount: NanoDollars(Int64(chance(99))), count: Int64(1 + chance(3)), unit: [.hour, .day, .month][chance(3)])
    }

    private mutating func digest() -> String {
        (0..<8).map { _ in String(format: "%08x", UInt32.random(in: 0 ... .max, using: &random)) }.joined()
    }

    private mutating func event(
        _ data: some EventData, _ stream: StreamName, _ organization: OrganizationID
    ) throws -> NewEvent {
        let occurredAt = Timestamp(microseconds: Timestamp.now.microseconds - Int64(chance(60_000_000)))
        return try NewEvent(
            data, stream: stream, expectedVersion: nil, organization: organization, occurredAt: occurredAt)
    }
}
