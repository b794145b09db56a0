internal import Ledger
internal import Logging
internal import Postgres
internal import Web

/// Conversations lie beside the ledger: they change nobody's money and nobody's rights, and they are a person's own.
extension Management {
    /// How much a person may keep.
    enum ChatLimits {
        static let chats: Int64 = 1_000
        static let messages: Int64 = 1_000
        /// What the messages of one conversation hold in all, because they are read at once.
        static let bytes: Int64 = 32 << 20
        /// Of the request that adds a message: as many as the gateway takes of a completion, because what was asked is kept.
        static let requestBytes = 20 << 20
        /// How long such a request may take to arrive: as long as one of the gateway.
        static let requestDeadline: Duration = .seconds(120)
        /// Of a person without an active API key.
        static let freeChats: Int64 = 3
        static let freeMessages: Int64 = 2
        /// How many a page shows at most, and where nobody says.
        static let shown: Int64 = 200
    }

    /// What a client adds to a conversation.
    struct NewChatMessage: Sendable {
        let role: String
        let content: String?
        let images: String?
        let reasoning: String?
        let tools: String?

        /// What is kept of it, as Postgres counts it.
        var bytes: Int64 { [content, images, reasoning, tools].reduce(0) { $0 + Int64($1?.utf8.count ?? 0) } }
    }

    private enum Added: Sendable {
        case message(ChatMessage)
        case noChat
        case tooMany
        case tooLarge
    }

    /// The person's conversations of a status, the one that changed last first.
    ///
    /// - Parameter cursor: The last one of the page before.
    func chats(
        of user: UserID, status: Chat.Status, after cursor: TimeCursor<ChatKinds.Chat>?, limit: Int64
    ) async throws(WebError) -> [Chat] {
        try await rows(
            """
            SELECT \(Chat.columns) FROM management.chats
            WHERE user_id = $1 AND status = $2 AND (
                $3::timestamptz IS NULL OR updated_at <= $3 AND (updated_at < $3 OR id > $4::uuid))
            ORDER BY updated_at DESC, id LIMIT $5
            """,
            [
                .uuid(user.uuid), .text(status.rawValue), cursor.map { .timestamptz($0.time) } ?? .null,
                cursor.map { .uuid($0.id.uuid) } ?? .null, .int8(limit),
            ], Chat.init)
    }

    /// - Throws: 404 for one that is not there or somebody else's.
    func chat(_ id: ChatID, of user: UserID) async throws(WebError) -> Chat {
        let found = try await rows(
            "SELECT \(Chat.columns) FROM management.chats WHERE id = $1 AND user_id = $2", [.uuid(id.uuid), .uuid(user.uuid)],
            Chat.init)
        guard let chat = found.first else { throw Self.noChat }
        return chat
    }

    /// The messages of a conversation, oldest first.
    func messages(of chat: Chat) async throws(WebError) -> [ChatMessage] {
        try await rows(
            "SELECT \(ChatMessage.columns) FROM management.chat_messages WHERE chat = $1 ORDER BY sequence",
            [.uuid(chat.id.uuid)], ChatMessage.init)
    }

    /// Begins a conversation.
    ///
    /// - Throws: 400 `FREE_LIMIT_REACHED` when a person without an active API key has as many as that allows.
    func addChat(title: String, model: String, by user: UserID) async throws(WebError) -> Chat {
        let isFree = try await !hasActiveKey(user)
        let most = isFree ? ChatLimits.freeChats : ChatLimits.chats
        let added: [Chat]
        do {
            added = try await postgres.withTransaction { connection in
                // Two that see the last free place at once come one after the other.
                try await connection.query("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))", [.uuid(user.uuid)])
                return try await connection.query(
                    """
                    INSERT INTO management.chats (id, user_id, title, model) SELECT $1, $2, $3, $4
                    WHERE (SELECT count(*) FROM management.chats WHERE user_id = $2) < $5 RETURNING \(Chat.columns)
                    """, [.uuid(ChatID.mint().uuid), .uuid(user.uuid), .text(title), .text(model), .int8(most)]
                ).map(Chat.init)
            }
        } catch {
            logger.warning("a chat could not be written", metadata: ["error": "\(error)"])
            throw Self.away
        }
        guard let chat = added.first else {
            throw WebError(
                400, isFree ? "Without an API key, \(most) chats can be kept." : "\(most) chats can be kept.",
                code: isFree ? "FREE_LIMIT_REACHED" : "limit_reached")
        }
        return chat
    }

    /// Changes title or status; nil is left as it is.
    func change(chat id: ChatID, title: String?, status: Chat.Status?, by user: UserID) async throws(WebError) -> Chat {
        let changed = try await rows(
            """
            UPDATE management.chats SET title = coalesce($3, title), status = coalesce($4, status),
                updated_at = clock_timestamp()
            WHERE id = $1 AND user_id = $2 RETURNING \(Chat.columns)
            """,
            [
                .uuid(id.uuid), .uuid(user.uuid), title.map { .text($0) } ?? .null, status.map { .text($0.rawValue) } ?? .null,
            ], Chat.init)
        guard let chat = changed.first else { throw Self.noChat }
        return chat
    }

    func delete(chat id: ChatID, by user: UserID) async throws(WebError) {
        let gone = try await rows(
            "DELETE FROM management.chats WHERE id = $1 AND user_id = $2 RETURNING 1", [.uuid(id.uuid), .uuid(user.uuid)],
            { _ in true })
        if gone.isEmpty { throw Self.noChat }
    }

    /// Adds a message at the end of a conversation.
    ///
    /// - Throws: 404, or 400 `MESSAGE_LIMIT_REACHED` when the conversation is full, by the number of its messages or by their size.
    func add(_ message: NewChatMessage, to id: ChatID, by user: UserID) async throws(WebError) -> ChatMessage {
        let isFree = try await !hasActiveKey(user)
        let most = isFree ? ChatLimits.freeMessages : ChatLimits.messages
        let added: Added
        do {
            added = try await postgres.withTransaction { connection in
                try await insert(message, into: id, of: user, most: most, over: connection)
            }
        } catch {
            logger.warning("a message could not be written", metadata: ["error": "\(error)"])
            throw Self.away
        }
        switch added {
        case .message(let message): return message
        case .noChat: throw Self.noChat
        case .tooMany:
            throw WebError(
                400, isFree ? "Without an API key, a chat can have \(most) messages." : "A chat can have \(most) messages.",
                code: "MESSAGE_LIMIT_REACHED")
        case .tooLarge:
            throw WebError(
                400,
                "content is too large: the messages of a chat hold \(ChatLimits.bytes >> 20) MiB in all. Begin another chat.",
                field: "content", code: "MESSAGE_LIMIT_REACHED")
        }
    }

    private func insert(
        _ message: NewChatMessage, into id: ChatID, of user: UserID, most: Int64, over connection: PostgresConnection
    ) async throws -> Added {
        // Under the row's lock, and in a statement before the one that counts: that one sees the message of whoever held it. So the
        // count is the message's place, and no two messages get the same.
        let held = try await connection.query(
            "SELECT messages FROM management.chats WHERE id = $1 AND user_id = $2 FOR UPDATE", [.uuid(id.uuid), .uuid(user.uuid)])
        guard let chat = held.first else { return .noChat }
        guard try Int64(chat.decode(0, as: Int32.self)) < most else { return .tooMany }
        func text(_ value: String?) -> PostgresValue { value.map { .text($0) } ?? .null }
        let rows = try await connection.query(
            """
            WITH chat AS (
                UPDATE management.chats SET messages = messages + 1, updated_at = clock_timestamp()
                WHERE id = $1 AND (
                    SELECT coalesce(sum(
                        coalesce(octet_length(m.content), 0) + coalesce(octet_length(m.images), 0)
                            + coalesce(octet_length(m.reasoning), 0) + coalesce(octet_length(m.tools), 0)), 0)
                    FROM management.chat_messages AS m WHERE m.chat = $1) <= $2
                RETURNING id, messages
            )
            INSERT INTO management.chat_messages (chat, sequence, id, role, content, images, reasoning, tools)
            SELECT chat.id, chat.messages, $3, $4, $5, $6, $7, $8 FROM chat RETURNING \(ChatMessage.columns)
            """,
            [
                .uuid(id.uuid), .int8(ChatLimits.bytes - message.bytes), .uuid(ChatMessageID.mint().uuid), .text(message.role),
                text(message.content), text(message.images), text(message.reasoning), text(message.tools),
            ])
        guard let row = rows.first else { return .tooLarge }
        return .message(try ChatMessage(row))
    }

    private func hasActiveKey(_ user: UserID) async throws(WebError) -> Bool {
        try await !rows(
            """
            SELECT 1 FROM organizations.members AS m
            JOIN organizations.organizations AS o ON o.organization = m.organization AND o.status = 'active'
            JOIN organizations.projects AS p ON p.organization = o.organization AND p.status = 'active'
            JOIN keys.keys AS k ON k.project = p.project AND k.status = 'active'
            WHERE m.user_id = $1 LIMIT 1
            """, [.uuid(user.uuid)], { _ in true }
        ).isEmpty
    }

    private static let noChat = WebError.notFound("There is no such chat.")
}
