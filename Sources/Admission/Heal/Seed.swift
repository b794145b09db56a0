package import Ledger
import Postgres
package import Redis

package import struct FoundationEssentials.UUID

/// An organization's whole state at one moment of the ledger: the admission tables at their checkpoint, and the events since.
package struct Seed: Sendable {
    let organization: OrganizationID
    /// The organization's newest epoch at that moment; it lies within what the seed holds.
    let epoch: Int64
    /// The organization's last position in the tables.
    let position: Int64
    /// The Redis that the ledger trusted at that moment: no other may have this state, or two would admit in one epoch.
    let runID: String?
    private var fields: [RedisArgument] = []
    private var holds: [RedisArgument] = []
    private var tail: Slice

    package init(organization: OrganizationID, epoch: Int64, position: Int64, runID: String? = nil) {
        self.organization = organization
        self.epoch = epoch
        self.position = position
        self.runID = runID
        tail = Slice(organization: organization, previous: position)
    }

    /// A new organization's: nothing before its first events.
    init(first slice: Slice, epoch: Int64) {
        organization = slice.organization
        self.epoch = epoch
        position = 0
        runID = nil
        tail = slice
    }

    /// What `seed` of functions.lua takes after the token.
    package var arguments: [RedisArgument] {
        var all: [RedisArgument] = [.integer(epoch), .integer(position), .integer(Int64(fields.count / 2))]
        all += fields
        all.append(.integer(Int64(holds.count / 2)))
        all += holds
        if tail.count > 0 { all += tail.arguments }
        return all
    }

    /// Whether there is an organization at all, in the tables or in what came since.
    package var exists: Bool { !fields.isEmpty || tail.count > 0 }

    package mutating func set(organization status: String, strict: Bool, isRetained: Bool, policy: Int64, available: String) {
        set("o", Self.letter(status) + (strict ? "1" : "0") + String(policy) + (isRetained ? "r" : ""))
        set("o:a", available)
    }

    package mutating func set(project: UUID, status: String, limit: LimitChange, available: String) {
        let name = "p:\(project.lowercase)"
        set(name, "\(Self.letter(status))\(Self.flag(limit.text))|\(limit.text)|\(limit.negated)|")
        set(name + ":a", available)
    }

    package mutating func set(
        key: UUID, status: String, digest: String, limit: LimitChange, expires: String, requests: String, tokens: String,
        available: String, period: SeededPeriod
    ) {
        let name = "k:\(key.lowercase)"
        let rated = requests.isEmpty && tokens.isEmpty ? "0" : "1"
        set(
            name,
            "\(Self.letter(status))\(Self.flag(limit.text))\(Self.flag(expires))\(rated)\(Self.flag(period.name))\(digest)|\(limit.text)|\(limit.negated)|"
                + "\(expires)|\(requests)|\(tokens)|\(period.name)|\(period.limit.text)|\(period.limit.negated)|")
        set(name + ":a", available)
        guard !period.begins.isEmpty else { return }
        set(name + ":q", period.begins)
        set(name + ":qa", period.available)
    }

    package mutating func add(hold request: UUID, project: UUID, key: UUID, instance: UUID, admittedAt: Int64, amount: String) {
        guard amount != "0" else { return }
        holds.append(.string(request.lowercase))
        holds.append(
            .string(
                "c" + Step.seconds(ofMicroseconds: admittedAt) + project.lowercase + key.lowercase + instance.lowercase + amount))
    }

    package mutating func add(_ event: AdmissionEvent) { tail.add(event) }

    private mutating func set(_ name: String, _ value: String) {
        fields.append(.string(name))
        fields.append(.string(value))
    }

    private static func letter(_ status: String) -> String { String(status.prefix(1)) }
    private static func flag(_ text: String) -> String { text.isEmpty ? "0" : "1" }
}

/// A key's limit in each period, and the newest period that anything was charged or held in.
package struct SeededPeriod: Sendable {
    /// As functions.lua has it: `d1`; empty where there is no such limit.
    let name: String
    let limit: LimitChange
    /// Seconds since 1970; empty where nothing was charged or held yet.
    let begins: String
    let available: String

    package init(name: String, limit: LimitChange, begins: String, available: String) {
        self.name = name
        self.limit = limit
        self.begins = begins
        self.available = available
    }
}
