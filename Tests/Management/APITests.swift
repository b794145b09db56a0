import Foundation
import HTTPTypes
import Ledger
import TestSupport
import Testing

@testable import Management

/// What the routes answer, and that each answer to a change already shows it.
@Suite struct APITests {
    @Test func aKeyIsShownOnceAndLivesItsLife() async throws {
        try await World.run { world in
            let (user, _, project) = try await world.owner()
            let made = try await world.key(of: project, by: user)
            let (id, token) = (made.text("apiKey.id"), made.text("apiKey.token"))
            #expect(made.status == 200 && token.hasPrefix("llmgtwy_") && made["apiKey.maskedToken"] == nil)
            #expect(made["apiKey.usageLimit"] is NSNull && made.text("apiKey.usage") == "0")
            let list = try await world.send(.get, "/keys/api?filter=mine", as: user)
            #expect(!list.text.contains(token) && list.text("apiKeys.0.maskedToken") == token.prefix(12) + "••••••••")
            #expect(list.text("apiKeys.0.creator.email") == TestSessions.email(user) && list.text("userRole") == "owner")

            let path = "/keys/api/\(id)"
            let limits =
                #"{"usageLimit":"1.50","periodUsageLimit":"0.1","periodUsageDurationValue":2,"periodUsageDurationUnit":"day","requestsPerMinute":60}"#
            let limited = try await world.send(.patch, "/keys/api/limit/\(id)", limits, as: user)
            #expect(limited.text("apiKey.usageLimit") == "1.5" && limited.text("apiKey.periodUsageDurationUnit") == "day")
            let lifted = try await world.send(.patch, "/keys/api/limit/\(id)", #"{"usageLimit":null}"#, as: user)
            #expect(lifted["apiKey.usageLimit"] is NSNull && lifted["apiKey.requestsPerMinute"] as? Int == 60)

            let renamed = try await world.send(
                .patch, path, #"{"description":"desk","status":"inactive","expiresAt":"2099-01-01T00:00:00Z"}"#, as: user)
            #expect(renamed.text("apiKey.description") == "desk" && renamed.text("apiKey.status") == "inactive")
            #expect(renamed.text("apiKey.expiresAt") == "2099-01-01T00:00:00.000Z")

            let rolled = try await world.send(.post, path + "/roll", as: user)
            #expect(rolled.text("apiKey.token").hasPrefix("llmgtwy_") && rolled.text("apiKey.token") != token)
            // What admission knows is the new token, the expiry and the status.
            let digest = try await world.database.text("SELECT token_sha256 FROM admission.keys")
            #expect(digest != APIKeyToken.digest(of: token) && digest == APIKeyToken.digest(of: rolled.text("apiKey.token")))
            #expect(
                try await world.database.lines("SELECT status, expires_at FROM admission.keys") == ["(inactive,4070908800000000)"]
            )

            #expect(try await world.send(.delete, path, as: user).status == 200)
            #expect(try await world.send(.patch, path, #"{"status":"active"}"#, as: user).status == 404)
            #expect(try await world.send(.delete, path, as: user).status == 404)
            #expect(try await world.send(.get, "/keys/api", as: user).text("apiKeys.0.status") == "deleted")
        }
    }

    @Test func whatARouteDoesNotNameIsNotSet() async throws {
        try await World.run { world in
            let (user, organization, project) = try await world.owner()
            let patch = #"{"name":"B","credits":"1000","plan":"enterprise","status":"deleted","id":"org_1","role":"x"}"#
            let changed = try await world.send(.patch, "/orgs/\(organization)", patch, as: user)
            #expect(changed.text("organization.name") == "B" && changed.text("organization.plan") == "free")
            #expect(changed.text("organization.credits") == "0" && changed.text("organization.status") == "active")
            let moved = try await world.send(
                .patch, "/projects/\(project)", #"{"organizationId":"\#(OrganizationID.mint())","mode":"credits","usage":"0"}"#,
                as: user)
            #expect(moved.text("project.organizationId") == organization && moved.text("project.mode") == "credits")
        }
    }

    private static let badInputs: [(method: String, path: String, body: String, field: String)] = [
        ("POST", "/orgs", #"{"name":""}"#, "name"), ("POST", "/orgs", #"{"name":"a\u0000b"}"#, "name"),
        ("POST", "/projects", #"{"name":"p","organizationId":"x"}"#, "organizationId"),
        ("POST", "/projects", #"{"name":"p","organizationId":"{org}","cacheDurationSeconds":9}"#, "cacheDurationSeconds"),
        ("POST", "/projects", #"{"name":"p","organizationId":"{org}","mode":"free"}"#, "mode"),
        ("PATCH", "/projects/{project}", #"{"usageLimit":"-1"}"#, "usageLimit"),
        ("PATCH", "/orgs/{org}", #"{"autoTopUpThreshold":4}"#, "autoTopUpThreshold"),
        ("PATCH", "/orgs/{org}", #"{"autoTopUpThreshold":4.999999999}"#, "autoTopUpThreshold"),
        ("PATCH", "/orgs/{org}", #"{"autoTopUpThreshold":7.0000000001}"#, "autoTopUpThreshold"),
        ("PATCH", "/orgs/{org}", #"{"autoTopUpThreshold":1e30}"#, "autoTopUpThreshold"),
        // To 38 digits it would be 5.
        ("PATCH", "/orgs/{org}", #"{"autoTopUpThreshold":4.\#(String(repeating: "9", count: 40))}"#, "autoTopUpThreshold"),
        ("PATCH", "/orgs/{org}", #"{"autoTopUpThreshold":true}"#, "autoTopUpThreshold"),
        ("PATCH", "/orgs/{org}", #"{"autoTopUpThreshold":"9223372036"}"#, "autoTopUpThreshold"),
        ("PATCH", "/orgs/{org}", #"{"autoTopUpAmount":"9223372036"}"#, "autoTopUpAmount"),
        ("PATCH", "/orgs/{org}", #"{"autoTopUpMonthlyLimit":"9223372036"}"#, "autoTopUpMonthlyLimit"),
        ("PATCH", "/orgs/{org}", #"{"billingEmail":"nobody"}"#, "billingEmail"),
        ("POST", "/keys/api", #"{"description":"d","projectId":"{project}"}"#, "usageLimit"),
        ("POST", "/keys/api", #"{"description":"d","projectId":"{project}","usageLimit":5}"#, "usageLimit"),
        ("POST", "/keys/api", #"{"description":"d","projectId":"{project}","usageLimit":"-5"}"#, "usageLimit"),
        (
            "POST", "/keys/api", #"{"description":"d","projectId":"{project}","usageLimit":null,"expiresAt":"2001-01-01"}"#,
            "expiresAt"
        ),
        ("PATCH", "/keys/api/limit/{key}", #"{"usageLimit":null,"periodUsageLimit":"1"}"#, "periodUsageDurationUnit"),
        (
            "PATCH", "/keys/api/limit/{key}",
            #"{"periodUsageLimit":"1","periodUsageDurationUnit":"month","periodUsageDurationValue":13}"#,
            "periodUsageDurationValue"
        ),
        ("PATCH", "/keys/api/{key}", #"{"status":"deleted"}"#, "status"),
        ("POST", "/keys/api/{key}/iam", #"{"ruleType":"allow_models","ruleValue":{}}"#, "ruleValue.models"),
        ("POST", "/keys/api/{key}/iam", #"{"ruleType":"allow_models","ruleValue":{"models":[]}}"#, "ruleValue.models"),
        ("POST", "/keys/api/{key}/iam", #"{"ruleType":"allow_models","ruleValue":{"providers":["p"]}}"#, "ruleValue.providers"),
        (
            "POST", "/keys/api/{key}/iam", #"{"ruleType":"deny_providers","ruleValue":{"providers":["openai","OpenAI"]}}"#,
            "ruleValue.providers"
        ),
        (
            "POST", "/team/{org}/members/me/iam", #"{"ruleType":"allow_providers","ruleValue":{"providers":["custom:acme"]}}"#,
            "ruleValue.providers"
        ),
        (
            "POST", "/keys/api/{key}/iam", #"{"ruleType":"deny_ip_cidrs","ruleValue":{"ipCidrs":["10.0.0.0/40"]}}"#,
            "ruleValue.ipCidrs"
        ),
        ("POST", "/keys/api/{key}/iam", #"{"ruleType":"all","ruleValue":{}}"#, "ruleType"),
        ("POST", "/team/{org}/members", #"{"email":"x","role":"owner"}"#, "email"),
        ("POST", "/team/{org}/members", #"{"email":"a;b@x.test","role":"owner"}"#, "email"),
        ("POST", "/team/{org}/members", #"{"email":"x@y.z","role":"king"}"#, "role"),
        ("POST", "/chats", #"{"title":"","model":"m"}"#, "title"), ("POST", "/chats", #"{"title":"t"}"#, "model"),
        ("GET", "/keys/api?filter=none", "", "filter"), ("GET", "/orgs/{org}/audit?limit=101", "", "limit"),
        ("GET", "/logs?cursor=-9223372036854775807.req_0000000000000000000000", "", "cursor"),
        ("GET", "/logs?cursor=9223372036854775807.req_0000000000000000000000", "", "cursor"),
        ("GET", "/logs?cursor=1.org_0000000000000000000000", "", "cursor"), ("GET", "/logs?limit=101", "", "limit"),
        ("GET", "/orgs/{org}/audit?cursor=-1", "", "cursor"), ("GET", "/orgs/{org}/audit?startDate=soon", "", "startDate"),
    ]

    @Test func amountsAreNumbersOrTextsAndExact() async throws {
        try await World.run { world in
            let (user, organization, _) = try await world.owner()
            for (given, kept) in [
                ("7", "7"), ("7.5", "7.5"), (#""7.5""#, "7.5"), ("1234.567890123", "1234.567890123"), ("75e-1", "7.5"),
                ("5", "5"), ("5.000000001", "5.000000001"),
            ] {
                let changed = try await world.send(
                    .patch, "/orgs/\(organization)", #"{"autoTopUpThreshold":\#(given)}"#, as: user)
                #expect(changed.text("organization.autoTopUpThreshold") == kept, "\(given): \(changed.text)")
            }
            for small in ["-1", "4.999999999", #""-1""#, "0"] {
                let refused = try await world.send(
                    .patch, "/orgs/\(organization)", #"{"autoTopUpThreshold":\#(small)}"#, as: user)
                #expect(refused.status == 400 && refused.text("message").contains("must be at least 5"), "\(refused.text)")
            }
        }
    }

    @Test func badInputIsNamed() async throws {
        try await Self.shared { world, user, places in
            func fill(_ text: String) -> String { places.reduce(text) { $0.replacingOccurrences(of: $1.key, with: $1.value) } }
            for input in Self.badInputs {
                let method = try #require(HTTPRequest.Method(input.method))
                let body = input.body.isEmpty ? nil : fill(input.body)
                let answer = try await world.send(method, fill(input.path), body, as: user)
                #expect(answer.status == 400 && answer.json["field"] as? String == input.field, "\(input): \(answer.text)")
            }
        }
    }

    private static func shared(_ body: @escaping (World, UserID, [String: String]) async throws -> Void) async throws {
        try await World.run { world in
            let (user, organization, project) = try await world.owner()
            let key = try await world.key(of: project, by: user).text("apiKey.id")
            try await body(world, user, ["{org}": organization, "{project}": project, "{key}": key])
        }
    }

    @Test func rulesAreListedChangedAndTakenAway() async throws {
        try await Self.shared { world, user, places in
            let path = "/keys/api/\(places["{key}"] ?? "")/iam"
            let made = try await world.send(
                .post, path, #"{"ruleType":"allow_pricing","ruleValue":{"pricingType":"paid","maxInputPrice":0.0000025}}"#,
                as: user)
            #expect(made.text("rule.ruleValue.maxInputPrice") == "0.0000025", "\(made.text)")
            let rule = made.text("rule.id")
            let changed = try await world.send(
                .patch, path + "/" + rule, #"{"ruleType":"deny_models","ruleValue":{"models":["m"]},"status":"inactive"}"#,
                as: user)
            #expect(changed.text("rule.status") == "inactive" && changed.text("rule.ruleValue.models.0") == "m")
            #expect(changed["rule.ruleValue.pricingType"] == nil)
            #expect((try await world.send(.get, path, as: user)["rules"] as? [Any])?.count == 1)
            #expect(try await world.send(.delete, path + "/" + rule, as: user).status == 200)
            #expect((try await world.send(.get, path, as: user)["rules"] as? [Any])?.isEmpty == true)
        }
    }

    @Test func whoeverComesHasAnOrganizationAtOnce() async throws {
        try await World.run { world in
            let person = UserID.mint()
            try await world.management.welcome(person)
            let organizations = try await world.send(.get, "/orgs", as: person)
            #expect(organizations.text("organizations.0.name") == "Default Organization")
            #expect(organizations.text("organizations.0.role") == "owner" && organizations["organizations.1"] == nil)
            let projects = try await world.send(.get, "/orgs/\(organizations.text("organizations.0.id"))/projects", as: person)
            #expect(projects.text("projects.0.name") == "Default Project" && projects.text("projects.0.mode") == "credits")
        }
    }

    @Test func anInvitationIsForOnePersonAndOnce() async throws {
        try await World.run { world in
            let (owner, organization, _) = try await world.owner()
            let person = UserID.mint()
            let body = #"{"email":"\#(TestSessions.email(person).uppercased())","role":"developer"}"#
            let invited = try await world.send(.post, "/team/\(organization)/members", body, as: owner)
            #expect(invited.status == 200 && invited.json["member"] is NSNull)
            // Nobody is a member without consent.
            #expect(try await world.send(.get, "/orgs/\(organization)", as: person).status == 404)
            #expect(try await world.send(.post, "/team/\(organization)/members", body, as: owner).status == 400)
            let accept = "/team/\(organization)/invites/\(invited.text("invite.id"))/accept"
            #expect(try await world.send(.post, accept, as: UserID.mint()).status == 404)
            let mine = try await world.send(.get, "/user/me/invites", as: person)
            #expect(mine.text("invites.0.id") == invited.text("invite.id"))
            #expect(mine.text("invites.0.organization.id") == organization && mine["invites.1"] == nil)
            #expect(try await world.send(.get, "/user/me/invites", as: owner)["invites.0"] == nil)
            #expect(try await world.send(.post, accept, as: person).status == 200)
            #expect(try await world.send(.post, accept, as: person).status == 404)
            #expect(try await world.send(.get, "/user/me/invites", as: person)["invites.0"] == nil)
            #expect(try await world.send(.get, "/orgs/\(organization)", as: person).text("organization.role") == "developer")
            // Whoever wants to may leave, and is gone at once.
            #expect(try await world.send(.delete, "/team/\(organization)/members/\(person)", as: person).status == 200)
            #expect(try await world.send(.get, "/orgs/\(organization)", as: person).status == 404)
        }
    }

    @Test func whoInvitesTooManyIsRefusedBeforeAnythingIsRecorded() async throws {
        try await World.run { world in
            let made = try await world.send(.post, "/orgs", #"{"name":"Acme"}"#, as: World.tireless)
            let path = "/team/\(made.text("organization.id"))/members"
            let body = #"{"email":"somebody@example.org","role":"developer"}"#
            #expect(try await world.send(.post, path, body, as: UserID.mint()).status == 403, "who may not invite counts nothing")
            #expect(try await world.send(.post, path, body, as: World.tireless).status == 429)
            let own = #"{"email":"\#(TestSessions.email(World.tireless))","role":"developer"}"#
            #expect(try await world.send(.post, path, own, as: World.tireless).status == 400, "nor does what is refused anyhow")
            let read = try await world.send(.get, path, as: World.tireless)
            #expect((read["invites"] as? [Any])?.isEmpty == true)
        }
    }

    /// By an invitation to another address of theirs, an admin who was removed would be one again.
    @Test func invitationsEndWithTheRightToMakeThem() async throws {
        try await World.run { world in
            let (owner, organization, _) = try await world.owner()
            let team = "/team/\(organization)"
            func invited(_ person: UserID, as role: String, by inviter: UserID) async throws -> String {
                let body = #"{"email":"\#(TestSessions.email(person))","role":"\#(role)"}"#
                let answer = try await world.send(.post, team + "/members", body, as: inviter)
                #expect(answer.status == 200, "\(answer.text)")
                return "\(team)/invites/\(answer.text("invite.id"))/accept"
            }
            let (admin, alias, guest, heir) = (UserID.mint(), UserID.mint(), UserID.mint(), UserID.mint())
            #expect(try await world.send(.post, try await invited(admin, as: "owner", by: owner), as: admin).status == 200)
            let back = try await invited(alias, as: "admin", by: admin)
            let up = try await invited(heir, as: "owner", by: admin)
            let others = try await invited(guest, as: "developer", by: owner)
            // An admin invites admins still, and no owners.
            #expect(try await world.send(.patch, "\(team)/members/\(admin)", #"{"role":"admin"}"#, as: owner).status == 200)
            #expect(try await world.send(.post, up, as: heir).status == 404)
            #expect(try await world.send(.get, "/user/me/invites", as: alias)["invites.0"] != nil)
            #expect(try await world.send(.delete, "\(team)/members/\(admin)", as: owner).status == 200)
            #expect(try await world.send(.post, back, as: alias).status == 404)
            #expect(try await world.send(.get, "/user/me/invites", as: alias)["invites.0"] == nil)
            #expect(try await world.send(.post, others, as: guest).status == 200, "those of others stay")
            let read = try await world.send(.get, team + "/members", as: owner)
            #expect((read["members"] as? [Any])?.count == 2 && (read["invites"] as? [Any])?.isEmpty == true)
        }
    }

    @Test func theAuditTrailSaysWhoDidWhatAndKeepsSecrets() async throws {
        try await World.run { world in
            let (user, organization, project) = try await world.owner()
            let key = try await world.key(of: project, by: user)
            _ = try await world.send(.patch, "/keys/api/\(key.text("apiKey.id"))", #"{"status":"inactive"}"#, as: user)
            let first = try await world.send(.get, "/orgs/\(organization)/audit?limit=2", as: user)
            #expect(first.text("entries.0.action") == "api_key.status_changed" && first["pagination.hasMore"] as? Bool == true)
            #expect(first.text("entries.0.actor.id") == "\(user)" && first.text("entries.0.userAgent") == "test agent")
            #expect(
                first.text("entries.0.sessionId") == "session-of-\(user)" && first.text("entries.0.requestId").hasPrefix("req_"))
            #expect(first.text("entries.0.resourceId") == key.text("apiKey.id"))
            let rest = try await world.send(
                .get, "/orgs/\(organization)/audit?cursor=\(first.text("pagination.nextCursor"))", as: user)
            let actions = (rest["entries"] as? [[String: Any]])?.compactMap { $0["action"] as? String } ?? []
            #expect(
                actions.contains("api_key.created") && actions.contains("organization.created")
                    && !actions.contains("api_key.status_changed"))
            #expect(rest["pagination.hasMore"] as? Bool == false && rest["pagination.nextCursor"] is NSNull)
            #expect(!rest.text.contains(APIKeyToken.digest(of: key.text("apiKey.token"))))
            let one = try await world.send(
                .get, "/orgs/\(organization)/audit?action=organization.created&userId=\(user)", as: user)
            #expect((one["entries"] as? [Any])?.count == 1)
            #expect(
                (try await world.send(.get, "/orgs/\(organization)/audit?userId=\(UserID.mint())", as: user)["entries"] as? [Any])?
                    .isEmpty == true)
        }
    }
}
