import Foundation
import TestSupport

@testable import Ledger

/// One way to touch the past, and what the verifier must say about it.
struct Tampering: CustomStringConvertible {
    enum Verdict {
        /// Broken at this position, for this reason; nil for any.
        case broken(at: Int64, LedgerFault.Reason?)
        /// Nothing that the seals vouch for was touched: whole, up to this position.
        case whole(head: Int64)
    }

    let description: String
    /// What is done to `ledger.events`.
    let sql: String
    let verdict: Verdict

    /// Sets columns of an event to other values.
    static func set(_ assignment: String, of event: RecordedEvent) -> Tampering {
        Tampering(
            description: "position \(event.position): \(assignment)",
            sql: "UPDATE ledger.events SET \(assignment) WHERE position = \(event.position)",
            // What a ledger begins with has checks of its own, of which one or another may be the first.
            verdict: .broken(at: event.position, event.position == 1 ? nil : .hashMismatch))
    }

    /// Writes the chain again from a position, as an owner of the machine can, at most to another.
    static func rehash(_ range: ClosedRange<Int64>) -> String {
        """
        DO $rehash$
        DECLARE
            e ledger.events;
            chain bytea := (SELECT hash FROM ledger.events WHERE position = \(range.lowerBound - 1));
        BEGIN
            FOR e IN SELECT * FROM ledger.events WHERE position BETWEEN \(range.lowerBound) AND \(range.upperBound)
                ORDER BY position
            LOOP
                chain := sha256(chain || sha256(record_send(ROW(e.position, e.id, e.stream_kind, e.stream_id, e.stream_version,
                    e.type, e.schema_version, e.organization, e.data, e.metadata, e.occurred_at, e.recorded_at))));
                UPDATE ledger.events SET hash = chain WHERE position = e.position;
            END LOOP;
        END
        $rehash$
        """
    }

    /// A copy of an event, with an id and a stream of its own, at a position; its hash is the one of the event.
    static func forgery(of event: RecordedEvent, at position: Int64) -> String {
        """
        INSERT INTO ledger.events (position, id, stream_kind, stream_id, stream_version, type, schema_version, organization, data,
            metadata, occurred_at, recorded_at, hash)
        SELECT \(position), gen_random_uuid(), stream_kind, gen_random_uuid(), 1, type, schema_version, organization, data,
            metadata, occurred_at, coalesce((
                SELECT max(b.recorded_at) FROM ledger.events AS b WHERE b.position < \(position)), recorded_at)
                + interval '1 microsecond', hash
        FROM untouched WHERE position = \(event.position)
        """
    }
}

/// The columns of an event, and one flipped bit of each.
struct ColumnFlip {
    static let columns = [
        "position", "id", "stream_kind", "stream_id", "stream_version", "type", "schema_version", "organization", "data",
        "metadata", "occurred_at", "recorded_at", "hash",
    ]

    let event: RecordedEvent

    /// - Returns: an assignment that gives the column another value of its type.
    func assignment(_ column: String, using random: inout SeededGenerator) -> String {
        func bit(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        switch column {
        // Far away, so that there is no other event.
        case "position": return "position = \(event.position ^ 1 << Int64(bit(30...40)))"
        case "stream_version": return "stream_version = \(event.streamVersion ^ 1 << Int64(bit(20...62)))"
        case "schema_version": return "schema_version = \(event.schemaVersion ^ 1 << Int32(bit(0...30)))"
        case "id": return "id = '\(Self.flipped(event.id.uuid, bit(0...127)))'"
        case "stream_id": return "stream_id = '\(Self.flipped(event.stream.id, bit(0...127)))'"
        case "organization":
            guard let organization = event.organization else { return "organization = gen_random_uuid()" }
            return bit(0...3) == 0
                ? "organization = NULL" : "organization = '\(Self.flipped(organization.uuid, bit(0...127)))'"
        case "stream_kind": return "stream_kind = \(Self.flipped(event.stream.kind.rawValue, bit(0...99), bit(0...4)))"
        case "type": return "type = \(Self.flipped(event.type, bit(0...99), bit(0...4)))"
        case "occurred_at": return "occurred_at = \(Self.time(event.occurredAt.microseconds ^ 1 << Int64(bit(0...40))))"
        case "recorded_at": return "recorded_at = \(Self.time(event.recordedAt.microseconds ^ 1 << Int64(bit(0...40))))"
        case "hash":
            let place = bit(0...255)
            return "hash = set_bit(hash, \(place), 1 - get_bit(hash, \(place)))"
        default: return "\(column) = \(Self.flipped(column == "data" ? event.data : event.metadata, using: &random))"
        }
    }

    private static func flipped(_ id: UUID, _ bit: Int) -> String {
        UUID(high: id.high ^ (bit < 64 ? 1 << UInt64(bit) : 0), low: id.low ^ (bit < 64 ? 0 : 1 << UInt64(bit - 64))).lowercase
    }

    /// A flip of one of the five lower bits leaves ASCII ASCII.
    private static func flipped(_ text: String, _ place: Int, _ bit: Int) -> String {
        var bytes = Array(text.utf8)
        bytes[place % bytes.count] ^= 1 << UInt8(bit)
        return quoted(String(decoding: bytes, as: UTF8.self))
    }

    /// The lowest bit of a digit that may be any digit: the last of a number, or one in a string; or one more member.
    private static func flipped(_ json: [UInt8], using random: inout SeededGenerator) -> String {
        func isDigit(_ index: Int) -> Bool { index < json.count && (48...57).contains(json[index]) }
        let places = json.indices.filter { isDigit($0) && !isDigit($0 + 1) }
        guard let place = places.randomElement(using: &random) else {
            return "\(quoted(String(decoding: json, as: UTF8.self)))::jsonb || '{\"added\": 1}'::jsonb"
        }
        var json = json
        json[place] ^= 1
        return quoted(String(decoding: json, as: UTF8.self))
    }

    private static func time(_ microseconds: Int64) -> String {
        "timestamptz 'epoch' + \(microseconds) * interval '1 microsecond'"
    }

    private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
}
