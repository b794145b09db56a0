internal import Ledger
internal import Postgres
internal import Web

enum ChatKinds {
    /// Names a conversation.
    enum Chat: IdentifierKind { static let prefix = "chat" }
    /// Names a message of one.
    enum Message: IdentifierKind { static let prefix = "msg" }
}

typealias ChatID = Identifier<ChatKinds.Chat>
typealias ChatMessageID = Identifier<ChatKinds.Message>

/// A conversation that a person keeps.
struct Chat: Sendable {
    enum Status: String, Decodable, Sendable { case active, archived }

    static let columns = "id, title, model, status, messages, created_at, updated_at"

    let id: ChatID
    /// Its place in the list.
    let cursor: TimeCursor<ChatKinds.Chat>
    let json: WebValue

    init(_ row: PostgresRow) throws {
        let created: PostgresTimestamp = try row.decode(5)
        let updated: PostgresTimestamp = try row.decode(6)
        id = ChatID(uuid: try row.decode(0))
        cursor = TimeCursor(time: updated.microseconds, id: id)
        json = [
            "id": .id(id), "title": .string(try row.decode(1)), "model": .string(try row.decode(2)),
            "status": .string(try row.decode(3)), "createdAt": .time(Timestamp(microseconds: created.microseconds)),
            "updatedAt": .time(Timestamp(microseconds: updated.microseconds)),
            "messageCount": .integer(Int64(try row.decode(4, as: Int32.self))),
        ]
    }
}

/// A message of a conversation.
struct ChatMessage: Sendable {
    static let columns = "id, role, content, images, reasoning, tools, sequence, created_at"

    let json: WebValue

    init(_ row: PostgresRow) throws {
        func text(_ column: Int) throws -> WebValue { .string(optional: try row.decode(column, as: String?.self)) }
        let created: PostgresTimestamp = try row.decode(7)
        json = [
            "id": .id(ChatMessageID(uuid: try row.decode(0))), "role": .string(try row.decode(1)), "content": try text(2),
            "images": try text(3), "reasoning": try text(4), "tools": try text(5),
            "sequence": .integer(Int64(try row.decode(6, as: Int32.self))),
            "createdAt": .time(Timestamp(microseconds: created.microseconds)),
        ]
    }
}
