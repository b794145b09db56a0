import Crypto

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import struct FoundationEssentials.UUID

extension NewEvent {
    /// The event that settles a request whose outcome came after it had been abandoned.
    ///
    /// Its id follows from the outcome's, so that whoever repeats it, after a crash too, repeats the same event.
    /// - Throws: `EventError` when this event is not an outcome.
    func settledLate() throws(EventError) -> NewEvent {
        guard let outcome = try? JSONDecoder().decode(Outcome.self, from: Data(data)) else {
            throw EventError(.invalidEvent, "\(type) is not an outcome")
        }
        var late = try NewEvent(
            RequestSettledLate(outcome: outcome), id: lateID, stream: stream, expectedVersion: 2, organization: organization,
            occurredAt: occurredAt)
        late.metadata = metadata
        return late
    }

    /// The outcome id's 48 bits of time, and a hash of it.
    private var lateID: EventID {
        let digest = Array(SHA256.hash(data: Array("settled_late \(id.uuid.lowercase)".utf8)))
        let high = digest[0..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let low = digest[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return EventID(
            uuid: UUID(
                high: (id.uuid.high & 0xFFFF_FFFF_FFFF_0000) | 0x7000 | (high & 0xFFF),
                low: 0x8000_0000_0000_0000 | (low & 0x3FFF_FFFF_FFFF_FFFF)))
    }
}
