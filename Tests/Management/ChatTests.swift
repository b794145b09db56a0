import Foundation
import HTTPTypes
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Management

@Suite struct ChatTests {
    @Test func aConversationIsKeptRenamedArchivedAndDeleted() async throws {
        try await World.run { world in
            let (user, _, project) = try await world.owner()
            _ = try await world.key(of: project, by: user)
            let made = try await world.send(.post, "/chats", #"{"title":"First","model":"echo"}"#, as: user)
            #expect(made.status == 201 && made["chat.messageCount"] as? Int == 0, "\(made.text)")
            let chat = "/chats/" + made.text("chat.id")
            for text in ["Hi", "Hello 👋", "again"] {
                let body = #"{"role":"user","content":"\#(text)","tools":"[]"}"#
                #expect(try await world.send(.post, chat + "/messages", body, as: user).status == 201)
            }
            let whole = try await world.send(.get, chat, as: user)
            #expect(whole["chat.messageCount"] as? Int == 3)
            #expect(whole.text("messages.1.content") == "Hello 👋" && whole["messages.2.sequence"] as? Int == 3)
            #expect(whole["messages.0.images"] is NSNull && whole.text("messages.0.tools") == "[]")
            let second = try await world.send(.post, "/chats", #"{"title":"Second","model":"echo"}"#, as: user)
            let renamed = try await world.send(.patch, chat, #"{"title":"Renamed"}"#, as: user)
            #expect(renamed.text("chat.title") == "Renamed" && renamed.text("chat.status") == "active")
            let list = try await world.send(.get, "/chats", as: user)
            #expect(list.text("chats.0.title") == "Renamed" && list.text("chats.1.id") == second.text("chat.id"))
            #expect(try await world.send(.patch, chat, #"{"status":"archived"}"#, as: user).status == 200)
            #expect((try await world.send(.get, "/chats", as: user)["chats"] as? [Any])?.count == 1)
            let archived = try await world.send(.get, "/chats?status=archived", as: user)
            #expect(archived.text("chats.0.title") == "Renamed" && archived["chats.1"] == nil)
            #expect(try await world.send(.delete, chat, as: user).status == 200)
            #expect(try await world.send(.get, chat, as: user).status == 404)
            let left = try await world.database.text("SELECT count(*)::text FROM management.chat_messages")
            #expect(left == "0")
            for (body, field) in [
                (#"{"role":"user"}"#, "content"), (#"{"role":"king","content":"x"}"#, "role"),
                (#"{"role":"user","content":"a\u0000b"}"#, "content"),
            ] {
                let refused = try await world.send(
                    .post, "/chats/\(second.text("chat.id"))/messages", body, as: user)
                #expect(refused.status == 400 && refused.json["field"] as? String == field, "\(refused.text)")
            }
        }
    }

    @Test func aMessageMayHoldWhatACompletionTakes() async throws {
        try await World.run { world in
            let (user, _, project) = try await world.owner()
            _ = try await world.key(of: project, by: user)
            let chat = try await world.send(.post, "/chats", #"{"title":"Pictures","model":"m"}"#, as: user).text("chat.id")
            func add(_ bytes: Int) async throws -> Int {
                let body = #"{"role":"user","images":"\#(String(repeating: "A", count: bytes))"}"#
                return try await world.send(.post, "/chats/\(chat)/messages", body, as: user).status
            }
            #expect(try await add(3 << 20) == 201)
            #expect(try await add(Management.ChatLimits.requestBytes) == 413)
        }
    }

    @Test func aLongListComesInPages() async throws {
        try await World.run { world in
            let user = UserID.mint()
            // Some have changed at the same moment.
            try await world.database.client.query(
                """
                INSERT INTO management.chats (id, user_id, title, model, status, updated_at)
                SELECT gen_random_uuid(), $1::uuid, 'chat ' || n, 'm', CASE n % 4 WHEN 0 THEN 'archived' ELSE 'active' END,
                    timestamptz '2026-01-01' + n / 3 * interval '1 second'
                FROM generate_series(1, 280) AS n
                """, [.uuid(user.uuid)])
            #expect((try await world.send(.get, "/chats", as: user)["chats"] as? [Any])?.count == 200)
            for (status, count) in [("active", 210), ("archived", 70)] {
                for limit in [7, 200] {
                    var titles: [String] = []
                    var query: String? = "/chats?status=\(status)&limit=\(limit)"
                    while let path = query {
                        let page = try await world.send(.get, path, as: user)
                        titles += (page["chats"] as? [[String: Any]])?.compactMap { $0["title"] as? String } ?? []
                        let next = page["pagination.nextCursor"] as? String
                        #expect(page["pagination.hasMore"] as? Bool == (next != nil))
                        query = next.map { "/chats?status=\(status)&limit=\(limit)&cursor=\($0)" }
                    }
                    #expect(titles.count == count && Set(titles).count == count, "\(status) by \(limit)")
                }
            }
            for (query, field) in [
                ("status=deleted", "status"), ("limit=0", "limit"), ("limit=201", "limit"), ("cursor=x", "cursor"),
            ] {
                let refused = try await world.send(.get, "/chats?\(query)", as: user)
                #expect(refused.status == 400 && refused.json["field"] as? String == field, "\(query)")
            }
        }
    }

    /// A conversation is read at once, so what it holds is bounded; of those who come at once, as many are kept as there is room for.
    @Test func aConversationHoldsSoMuchAndNoMore() async throws {
        try await World.run { world in
            let (user, _, project) = try await world.owner()
            _ = try await world.key(of: project, by: user)
            func chat(_ title: String) async throws -> String {
                try await world.send(.post, "/chats", #"{"title":"\#(title)","model":"m"}"#, as: user).text("chat.id")
            }
            let full = try await chat("full")
            let empty = try await chat("empty")
            // All of the room but 20 bytes, which not only the content takes.
            try await world.database.client.query(
                """
                WITH c AS (UPDATE management.chats SET messages = 32 WHERE title = 'full' RETURNING id)
                INSERT INTO management.chat_messages (chat, sequence, id, role, content, images)
                SELECT c.id, n, gen_random_uuid(), 'user', repeat('x', 524288),
                    repeat('y', CASE n WHEN 32 THEN 524268 ELSE 524288 END)
                FROM c, generate_series(1, 32) AS n
                """)
            let body = #"{"role":"user","content":"👋","tools":"[]"}"#
            let answers = try await withThrowingTaskGroup(of: World.Answer.self) { group in
                for _ in 0..<8 { group.addTask { try await world.send(.post, "/chats/\(full)/messages", body, as: user) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.compactMap { $0["message.sequence"] as? Int }.sorted() == [33, 34, 35])
            for refused in answers where refused.status != 201 {
                #expect(refused.status == 400 && refused.json["field"] as? String == "content", "\(refused.text)")
                #expect(refused.text.contains("MESSAGE_LIMIT_REACHED") && refused.text.contains("32 MiB"))
            }
            let small = #"{"role":"user","content":"ab"}"#
            #expect(try await world.send(.post, "/chats/\(full)/messages", small, as: user).status == 201)
            #expect(try await world.send(.post, "/chats/\(full)/messages", small, as: user).status == 400)
            #expect(try await world.send(.post, "/chats/\(empty)/messages", body, as: user).status == 201)
        }
    }

    /// Both the last place of a list and the last of a conversation go to one of those who come at once.
    @Test func withoutAKeyOnlyAFewAreKept() async throws {
        try await World.run { world in
            let user = UserID.mint()
            let made = try await withThrowingTaskGroup(of: World.Answer.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await world.send(.post, "/chats", #"{"title":"t","model":"m"}"#, as: user) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(made.count { $0.status == 201 } == 3)
            #expect(made.filter { $0.status != 201 }.allSatisfy { $0.status == 400 && $0.text.contains("FREE_LIMIT_REACHED") })
            let chat = try #require(made.first { $0.status == 201 }).text("chat.id")
            let kept = try await withThrowingTaskGroup(of: World.Answer.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await world.send(.post, "/chats/\(chat)/messages", #"{"role":"user","content":"c"}"#, as: user)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(kept.compactMap { $0["message.sequence"] as? Int }.sorted() == [1, 2])
            #expect(
                kept.filter { $0.status != 201 }.allSatisfy { $0.status == 400 && $0.text.contains("MESSAGE_LIMIT_REACHED") })
        }
    }
}
