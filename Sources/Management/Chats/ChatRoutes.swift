internal import Hummingbird
internal import Ledger
internal import Web

extension ManagementRoutes {
    private struct NewChat: Decodable, Sendable {
        let title: String
        let model: String
    }

    private struct ChatPatch: Decodable, Sendable {
        let title: String?
        let status: Chat.Status?
    }

    private struct NewMessage: Decodable, Sendable {
        enum Role: String, Decodable, Sendable { case user, assistant, system }

        let role: Role
        let content: String?
        let images: String?
        let reasoning: String?
        let tools: String?
    }

    /// `/chats`: conversations that a person keeps, seen by nobody else.
    func addChats(to router: Router<WebContext>) {
        router.get("/chats") { request, context in
            let caller = try await caller(request, context)
            var status = Chat.Status.active
            if let text = request.parameter("status") {
                guard let given = Chat.Status(rawValue: text) else {
                    throw WebError.invalid("status", "status must be active or archived.")
                }
                status = given
            }
            let limit = try request.limit(Management.ChatLimits.shown, most: Management.ChatLimits.shown)
            let found = try await management.chats(
                of: caller.user, status: status, after: try request.cursor(), limit: limit + 1)
            let shown = found.prefix(Int(limit))
            let next = found.count > shown.count ? shown.last?.cursor.text : nil
            return Response.json([
                "chats": .array(shown.map(\.json)), "pagination": .pagination(next: next, limit: limit),
            ])
        }
        router.post("/chats") { request, context in
            let caller = try await caller(request, context)
            let body = try await WebBody.read(NewChat.self, from: request)
            try await caller.confirm()
            let chat = try await management.addChat(
                title: try WebText.check(body.title, field: "title", length: 1...200),
                model: try WebText.check(body.model, field: "model", length: 1...255), by: caller.user)
            return Response.json(["chat": chat.json], status: 201)
        }
        router.get("/chats/:id") { request, context in
            let caller = try await caller(request, context)
            let chat = try await management.chat(try id("id", of: context), of: caller.user)
            return Response.json([
                "chat": chat.json, "messages": .array(try await management.messages(of: chat).map(\.json)),
            ])
        }
        router.patch("/chats/:id") { request, context in
            let caller = try await caller(request, context)
            let chat: ChatID = try id("id", of: context)
            let body = try await WebBody.read(ChatPatch.self, from: request)
            try await caller.confirm()
            guard body.title != nil || body.status != nil else { throw WebError.changesNothing("title", "status") }
            var title = body.title
            if let given = title { title = try WebText.check(given, field: "title", length: 1...200) }
            let changed = try await management.change(
                chat: chat, title: title, status: body.status, by: caller.user)
            return Response.json(["chat": changed.json])
        }
        router.delete("/chats/:id") { request, context in
            let caller = try await caller(request, context)
            try await management.delete(chat: try id("id", of: context), by: caller.user)
            return Response.json(["message": "Chat deleted successfully"])
        }
        router.post("/chats/:id/messages") { request, context in
            let caller = try await caller(request, context)
            let chat: ChatID = try id("id", of: context)
            let body = try await WebBody.read(
                NewMessage.self, from: request, upTo: Management.ChatLimits.requestBytes,
                within: Management.ChatLimits.requestDeadline)
            try await caller.confirm()
            guard body.content?.isEmpty == false || body.images?.isEmpty == false else {
                throw WebError.invalid("content", "A message needs content or images.")
            }
            for (field, text) in [
                ("content", body.content), ("images", body.images), ("reasoning", body.reasoning), ("tools", body.tools),
            ] where text?.unicodeScalars.contains("\0") == true {
                throw WebError.invalid(field, "\(field) can't hold NUL.")
            }
            let message = try await management.add(
                Management.NewChatMessage(
                    role: body.role.rawValue, content: body.content, images: body.images, reasoning: body.reasoning,
                    tools: body.tools), to: chat, by: caller.user)
            return Response.json(["message": message.json], status: 201)
        }
    }
}
