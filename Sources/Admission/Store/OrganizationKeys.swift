import Ledger

import struct FoundationEssentials.UUID

/// The names of an organization's keys in Redis. All share the hash tag, so that one call is one slot of a cluster.
struct OrganizationKeys: Sendable {
    let state: String
    let holds: String
    let seeding: String
    let backlog: String

    init(_ organization: OrganizationID) {
        let tag = "{\(organization.uuid.lowercase)}"
        state = tag + ":state"
        holds = tag + Self.holdsSuffix
        seeding = tag + ":seeding"
        backlog = tag + ":backlog"
    }

    /// As the functions that build a state anew declare them.
    var all: [String] { [state, holds, seeding, backlog] }

    /// What SCAN looks for to find every organization with holds.
    static let holdsPattern = "{*}" + holdsSuffix
    private static let holdsSuffix = ":holds"

    /// The organization whose holds a key has; nil for a key of something else.
    static func organization(ofHolds key: String) -> OrganizationID? {
        guard key.hasPrefix("{"), key.hasSuffix("}" + holdsSuffix) else { return nil }
        let text = key.dropFirst().dropLast(1 + holdsSuffix.count)
        return text.utf8.count == 36 ? UUID(uuidString: String(text)).map { OrganizationID(uuid: $0) } : nil
    }
}

/// The names of what Redis keeps once for a ledger: which Redis it is, and since which epoch it is trusted.
struct ServerKeys: Sendable {
    /// Fields: `run_id`, `epoch`, `complete`, `applied`.
    let server: String
    /// The token of whoever is about to begin an epoch, for seconds.
    let marking: String
    /// The token of whoever is building all organizations anew, for seconds.
    let sweeping: String

    init(ledger: UUID) {
        let tag = "llmgateway:{\(ledger.lowercase)}"
        server = tag + ":server"
        marking = tag + ":marking"
        sweeping = tag + ":sweeping"
    }
}
