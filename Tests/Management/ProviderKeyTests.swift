import Foundation
import HTTPTypes
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Management

@Suite struct ProviderKeyTests {
    private static func body(
        _ organization: String, provider: String = "openai", token: String = "sk-live-0123456789abcdef0123", more: String = ""
    ) -> String {
        #"{"provider":"\#(provider)","token":"\#(token)","organizationId":"\#(organization)"\#(more)}"#
    }

    private static func custom(_ organization: String, name: String, url: String = "https://llm.acme.test/v1") -> String {
        body(organization, provider: "custom", more: #","name":"\#(name)","baseUrl":"\#(url)""#)
    }

    @Test func rulesNameProvidersThatThereAre() async throws {
        try await World.run { world in
            let (user, organization, project) = try await world.owner()
            let key = try await world.key(of: project, by: user).text("apiKey.id")
            func rule(_ provider: String) -> String {
                #"{"ruleType":"deny_providers","ruleValue":{"providers":["openai","\#(provider)"]}}"#
            }
            let path = "/keys/api/\(key)/iam"
            #expect(try await world.send(.post, path, rule("acme"), as: user).status == 400)
            let made = try await world.send(.post, "/keys/provider", Self.custom(organization, name: "acme"), as: user)
            for name in ["acme", "custom:acme", "custom"] {
                #expect(try await world.send(.post, path, rule(name), as: user).status == 200)
            }
            #expect(try await world.send(.post, path, rule("custom:other"), as: user).status == 400)
            // A rule that names what has gone stays, and can be switched off, but not be written anew.
            let gone = "/keys/provider/\(made.text("providerKey.id"))"
            #expect(try await world.send(.delete, gone, as: user).status == 200)
            let first = try await world.send(.get, path, as: user).text("rules.0.id")
            let off = try await world.send(.patch, "\(path)/\(first)", #"{"status":"inactive"}"#, as: user)
            #expect(off.status == 200 && off.text("rule.ruleValue.providers.1") == "acme")
            #expect(
                try await world.send(.patch, "\(path)/\(first)", rule("acme"), as: user).text("field") == "ruleValue.providers")
        }
    }

    @Test func aKeyLives() async throws {
        try await World.run { world in
            let (user, organization, _) = try await world.owner()
            let made = try await world.send(.post, "/keys/provider", Self.body(organization), as: user)
            #expect(made.status == 200, "\(made.text)")
            let id = made.text("providerKey.id")
            #expect(id.hasPrefix("pkey_") && made.text("providerKey.status") == "active")
            #expect(
                made.text("providerKey.maskedToken") == "sk-l\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}0123"
            )
            let second = try await world.send(.post, "/keys/provider", Self.body(organization, token: "sk-short"), as: user)
            #expect(second["providerKey.order"] as? Int == 2)
            #expect(second.text("providerKey.maskedToken") == String(repeating: "\u{2022}", count: 8))

            // The credential lies beside the ledger, and not in clear.
            let rows = try await world.database.client.query(
                "SELECT position('sk-live' IN encode(ciphertext, 'escape')) FROM management.provider_secrets")
            #expect(try rows.map { try $0.decode(0, as: Int32.self) } == [0, 0])
            let events = try await world.database.client.query(
                "SELECT count(*) FROM ledger.events WHERE data::text LIKE '%sk-%' OR metadata::text LIKE '%sk-%'")
            #expect(try events.first?.decode(0, as: Int64.self) == 0)

            let order =
                #"{"organizationId":"\#(organization)","provider":"openai","providerKeyIds":["#
                + #""\#(second.text("providerKey.id"))","\#(id)"]}"#
            let ordered = try await world.send(.put, "/keys/provider/order", order, as: user)
            #expect(ordered.text("providerKeys.0.id") == second.text("providerKey.id"), "\(ordered.text)")
            #expect(ordered["providerKeys.1.order"] as? Int == 2)
            let incomplete = #"{"organizationId":"\#(organization)","provider":"openai","providerKeyIds":["\#(id)"]}"#
            let refused = try await world.send(.put, "/keys/provider/order", incomplete, as: user)
            #expect(refused.status == 400 && refused.text("field") == "providerKeyIds")

            let off = try await world.send(.patch, "/keys/provider/\(id)", #"{"status":"inactive"}"#, as: user)
            #expect(off.text("providerKey.status") == "inactive")
            #expect(try await world.send(.delete, "/keys/provider/\(id)", as: user).status == 200)
            #expect(try await world.send(.delete, "/keys/provider/\(id)", as: user).status == 404)
            #expect(try await world.send(.patch, "/keys/provider/\(id)", #"{"status":"active"}"#, as: user).status == 404)
            let list = try await world.send(.get, "/keys/provider", as: user)
            #expect((list["providerKeys"] as? [Any])?.count == 2)
            let left = try await world.database.client.query("SELECT count(*) FROM management.provider_secrets")
            #expect(try left.first?.decode(0, as: Int64.self) == 1)
            let audit = try await world.send(.get, "/orgs/\(organization)/audit", as: user)
            #expect(audit.text.contains("provider_key.deleted") && !audit.text.contains("sk-"))
        }
    }

    @Test func whatCantBeUsedIsRefused() async throws {
        try await World.run { world in
            let (user, organization, _) = try await world.owner()
            let cases: [(body: String, field: String)] = [
                (Self.body(organization, token: "sk-0123456789-refused"), "token"),
                (Self.body(organization, token: ""), "token"), (Self.body(organization, token: "two words"), "token"),
                (Self.body(organization, token: #"line\nfeed"#), "token"),
                (Self.body(organization, provider: "nowhere"), "provider"),
                (Self.body(organization, provider: "echo"), "provider"),
                (Self.body(organization, more: #","name":"acme""#), "name"),
                (Self.body(organization, provider: "custom", more: #","baseUrl":"https://a.test/v1""#), "name"),
                (Self.body(organization, provider: "custom", more: #","name":"acme""#), "baseUrl"),
                (Self.custom(organization, name: "openai"), "name"), (Self.custom(organization, name: "Acme"), "name"),
                (Self.custom(organization, name: "a/b"), "name"),
                (Self.custom(organization, name: "acme", url: "http://llm.acme.test/v1"), "baseUrl"),
                (Self.custom(organization, name: "acme", url: "https://user:secret@llm.acme.test/v1"), "baseUrl"),
                (Self.custom(organization, name: "acme", url: "https://llm.acme.test/v1?x=1"), "baseUrl"),
                (Self.custom(organization, name: "acme", url: "file:///etc/passwd"), "baseUrl"),
                (Self.body(organization, more: #","options":{"azure_resource":"a"}"#), "options.azure_resource"),
            ]
            for (body, field) in cases {
                let answer = try await world.send(.post, "/keys/provider", body, as: user)
                #expect(answer.status == 400 && answer.text("field") == field, "\(body): \(answer.text)")
                #expect(!answer.text.contains("secret@"), "\(answer.text)")
            }
            let kept = try await world.database.client.query("SELECT count(*) FROM management.provider_secrets")
            #expect(try kept.first?.decode(0, as: Int64.self) == 0)
        }
    }

    /// Two that are made at once can't both have the name.
    @Test func theNameOfACustomProviderIsUnique() async throws {
        try await World.run { world in
            let (user, organization, _) = try await world.owner()
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await world.send(
                            .post, "/keys/provider", Self.custom(organization, name: "acme"), as: user
                        ).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.sorted() == [200, 400, 400, 400])
            let kept = try await world.database.client.query("SELECT count(*) FROM management.provider_secrets")
            #expect(try kept.first?.decode(0, as: Int64.self) == 1)
        }
    }
}
