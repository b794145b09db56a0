import Crypto

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import struct FoundationEssentials.UUID

/// One command as a line of a spool file: 16 hexadecimal digits of SHA-256 over the rest, a space, JSON, a line feed.
///
/// Text, because an operator may have to read it on a bad day.
enum SpoolRecord {
    private struct Line: Decodable {
        let id: String
        let kind: String
        let stream: String
        let expected: Int64?
        let type: String
        let version: Int32
        let organization: String?
        let data: String
        let metadata: String
        let occurred: Int64
        let epoch: Int64?
    }

    static func encode(_ command: Command) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        for event in command.events {
            writer.beginObject()
            writer.member("id", event.id.uuid.lowercase)
            writer.member("kind", event.stream.kind.rawValue)
            writer.member("stream", event.stream.id.lowercase)
            writer.member("expected", event.expectedVersion)
            writer.member("type", event.type)
            writer.member("version", Int64(event.schemaVersion))
            writer.member("organization", event.organization?.uuid.lowercase)
            writer.member("data", String(decoding: event.data, as: UTF8.self))
            writer.member("metadata", String(decoding: event.metadata, as: UTF8.self))
            writer.member("occurred", event.occurredAt)
            writer.member("epoch", event.epoch)
            writer.endObject()
        }
        writer.endArray()
        return Array(checksum(writer.bytes).utf8) + [0x20] + writer.bytes + [0x0A]
    }

    /// Nil for a line that is not whole.
    static func decode(_ line: ArraySlice<UInt8>) -> Command? {
        guard line.count > 17, line[line.startIndex + 16] == 0x20 else { return nil }
        let text = line.dropFirst(17)
        guard checksum(text) == String(decoding: line.prefix(16), as: UTF8.self),
            let lines = try? JSONDecoder().decode([Line].self, from: Data(text))
        else { return nil }
        var events: [NewEvent] = []
        for line in lines {
            guard let event = event(line) else { return nil }
            events.append(event)
        }
        return try? Command(events)
    }

    private static func event(_ line: Line) -> NewEvent? {
        guard let id = UUID(uuidString: line.id), let kind = StreamKind(rawValue: line.kind),
            let stream = UUID(uuidString: line.stream)
        else { return nil }
        return try? NewEvent(
            id: EventID(uuid: id), stream: StreamName(kind: kind, id: stream), expectedVersion: line.expected, type: line.type,
            schemaVersion: line.version,
            organization: line.organization.flatMap(UUID.init(uuidString:)).map(OrganizationID.init(uuid:)),
            data: Array(line.data.utf8), metadata: Array(line.metadata.utf8),
            occurredAt: Timestamp(microseconds: line.occurred), epoch: line.epoch)
    }

    private static func checksum(_ text: some Collection<UInt8>) -> String {
        Hexadecimal.encode(SHA256.hash(data: Array(text)).prefix(8))
    }
}
