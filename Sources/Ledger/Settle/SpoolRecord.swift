internal import Crypto
internal import FoundationEssentials

/// One spooled outcome as a line of text: a checksum, then the event as JSON.
///
/// A line that was torn by a crash fails its checksum and was never acknowledged, so it may be dropped.
struct SpoolRecord: Codable, Sendable {
    let id: UUID
    let kind: String
    let stream: UUID
    let expectedVersion: Int64?
    let type: String
    let schemaVersion: Int32
    let organization: UUID?
    let data: String
    let metadata: String
    let occurredAt: Int64

    init(_ event: NewEvent) {
        id = event.id.uuid
        kind = event.stream.kind.rawValue
        stream = event.stream.id
        expectedVersion = event.expectedVersion
        type = event.type
        schemaVersion = event.schemaVersion
        organization = event.organization?.uuid
        data = String(decoding: event.data, as: UTF8.self)
        metadata = String(decoding: event.metadata, as: UTF8.self)
        occurredAt = event.occurredAt.microseconds
    }

    /// The event again, with the id it had, so that it is appended once however often it is tried.
    func event() throws(EventError) -> NewEvent {
        guard let kind = StreamKind(rawValue: kind) else { throw EventError(.unknownType, "\(kind) is not a kind of stream") }
        return try NewEvent(
            id: EventID(uuid: id), stream: StreamName(kind: kind, id: stream), expectedVersion: expectedVersion, type: type,
            schemaVersion: schemaVersion, organization: organization.map { OrganizationID(uuid: $0) }, data: Array(data.utf8),
            metadata: Array(metadata.utf8), occurredAt: Timestamp(microseconds: occurredAt), epoch: nil)
    }

    func line() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body = Array(try encoder.encode(self))
        return Self.checksum(body) + [0x20] + body + [0x0A]
    }

    /// The record of a line without its line feed; nil for a torn one.
    init?(line: ArraySlice<UInt8>) {
        guard line.count > 65, line[line.startIndex + 64] == 0x20 else { return nil }
        let body = Array(line.dropFirst(65))
        guard Self.checksum(body) == Array(line.prefix(64)),
            let record = try? JSONDecoder().decode(SpoolRecord.self, from: Data(body))
        else { return nil }
        self = record
    }

    private static func checksum(_ body: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return SHA256.hash(data: body).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
