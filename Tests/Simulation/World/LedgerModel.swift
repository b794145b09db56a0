package import Admission
package import Ledger

package import struct Foundation.UUID

/// `ledger.append`, the leases and the epochs in memory: what schema/0009_append.sql answers, in plain Swift.
///
/// A struct: whoever compares it with Postgres has one beside it.
package struct LedgerModel: Sendable {
    /// An event where it stands.
    package struct Stored: Sendable {
        package let position: Int64
        package let version: Int64
        package let event: NewEvent
        /// What admission reads of it; nil for a type that admission does not fold.
        package let facts: AdmissionEvent?
    }

    package private(set) var events: [Stored] = []
    package private(set) var epochs: [UUID: Int64] = [:]
    private var streams: [StreamName: [Int]] = [:]
    /// Ids of events of other streams than requests', which are unique.
    private var ids: [EventID: Int] = [:]
    private var leases: [InstanceID: Lease] = [:]
    /// What is broken on purpose.
    let mutation: Mutation?

    package init(mutation: Mutation? = nil) { self.mutation = mutation }

    package var head: Int64 { Int64(events.count) }

    /// The events of a stream, in order.
    package func stream(_ name: StreamName) -> [Stored] { (streams[name] ?? []).map { events[$0] } }

    /// One call: a command after the other, each sees what those before it have written.
    package mutating func append(_ commands: [Command]) -> [AppendResult] { commands.map { append($0.events) } }

    private mutating func append(_ command: [NewEvent]) -> AppendResult {
        let versionsNow = command.map { Int64(streams[$0.stream]?.count ?? 0) }
        var found: [Int] = []
        var equal = 0
        for event in command {
            guard let place = place(of: event) else { continue }
            found.append(place)
            if isSame(events[place].event, event) { equal += 1 }
        }
        if let first = found.min(), let last = found.max(), mutation != .forgetsIDs {
            guard equal == command.count else { return .idempotencyConflict }
            return .already(first: events[first].position, last: events[last].position)
        }
        var nth: [StreamName: Int64] = [:]
        var versions: [Int64] = []
        var conflict: Int64?
        var stale: Int64?
        for (event, current) in zip(command, versionsNow) {
            let number = nth[event.stream, default: 0] + 1
            nth[event.stream] = number
            versions.append(current + number)
            let isWrong = event.expectedVersion.map { $0 != current + number - 1 } ?? (event.stream.kind == .request)
            if isWrong, conflict == nil { conflict = current }
            if let epoch = event.epoch, let newest = self.epoch(of: event.organization), epoch < newest {
                stale = max(stale ?? 0, newest)
            }
        }
        if let conflict, mutation != .ignoresVersions { return .versionConflict(current: conflict) }
        if let stale, mutation != .ignoresEpochs { return .staleEpoch(current: stale) }
        let first = head + 1
        for (event, version) in zip(command, versions) { write(event, version: version) }
        return .appended(first: first, last: head)
    }

    /// Where an event of this id is: a request's only at the version that it would have.
    private func place(of event: NewEvent) -> Int? {
        guard event.stream.kind == .request else { return ids[event.id] }
        guard let expected = event.expectedVersion, let stream = streams[event.stream], expected < stream.count else {
            return nil
        }
        let place = stream[Int(expected)]
        return events[place].event.id == event.id ? place : nil
    }

    private func isSame(_ one: NewEvent, _ other: NewEvent) -> Bool {
        one.stream == other.stream && one.type == other.type && one.schemaVersion == other.schemaVersion
            && one.organization == other.organization && one.data == other.data
    }

    private mutating func write(_ event: NewEvent, version: Int64) {
        let position = head + 1
        streams[event.stream, default: []].append(events.count)
        if event.stream.kind != .request { ids[event.id] = events.count }
        if event.type == "admission.epoch_started" { epochs[event.organization?.uuid ?? .zero] = position }
        events.append(
            Stored(
                position: position, version: version, event: event, facts: AdmissionEvent(modelOf: event, at: position)))
    }

    /// The newest epoch that holds for an organization.
    package func epoch(of organization: OrganizationID?) -> Int64? {
        let own = organization.flatMap { epochs[$0.uuid] }
        guard let all = epochs[.zero] else { return own }
        return max(own ?? 0, all)
    }

    /// The Redis that the newest epoch for all trusts.
    package var runID: String? { epochs[.zero].flatMap { FlatJSON(events[Int($0) - 1].event.data)["run_id"] } }

    // MARK: Leases, by the database's clock in microseconds

    private struct Lease: Sendable {
        var renewed: Int64
        /// Since when it has been renewed without a break.
        var steady: Int64
        /// It has ended, or it was buried.
        var isOver = false
    }

    private static let leaseTime: Int64 = 60_000_000
    private static let breakTime: Int64 = 20_000_000
    private static let steadyTime: Int64 = 25_000_000

    package mutating func renewLease(_ instance: InstanceID, at now: Int64) -> Bool {
        var lease = leases[instance] ?? Lease(renewed: now, steady: now)
        guard !lease.isOver else { return false }
        if now - lease.renewed > Self.breakTime { lease.steady = now }
        lease.renewed = now
        leases[instance] = lease
        return true
    }

    package mutating func endLease(_ instance: InstanceID) { leases[instance]?.isOver = true }

    /// Buries those whose leases ran out, for one whose own is steady.
    package mutating func buryInstances(by instance: InstanceID, at now: Int64) -> Bool {
        guard let own = leases[instance], !own.isOver else { return false }
        let isSteady = now - own.renewed <= Self.breakTime && now - own.steady >= Self.steadyTime
        guard isSteady || mutation == .buriesTooSoon else { return false }
        for (other, lease) in leases where now - lease.renewed > Self.leaseTime { leases[other]?.isOver = true }
        return true
    }

    /// nil for an instance that never had a lease.
    package func isDead(_ instance: InstanceID) -> Bool? { leases[instance]?.isOver }
}

extension AdmissionEvent {
    /// What `AdmissionEvent.select` reads of an event, in Swift.
    package init?(modelOf event: NewEvent, at position: Int64) {
        let data = FlatJSON(event.data)
        func value(_ name: String, _ missing: String = "") -> String { data[name] ?? missing }
        func change(_ name: String) -> String { data.has(name) ? data[name] ?? "" : "=" }
        let fields: [String]
        switch event.type {
        case "request.authorized":
            fields = [value("project"), value("api_key"), value("instance"), value("admitted_at"), value("held")]
        case "organization.created": fields = ["active", value("strict")]
        case "organization.updated": fields = [value("status", "="), value("strict", "="), value("retention", "=")]
        case "project.created": fields = ["active", value("usage_limit")]
        case "project.updated": fields = [value("status", "="), change("usage_limit")]
        case "api_key.created":
            let period = FlatJSON(Array(value("period_limit").utf8))
            fields = [
                value("token_sha256"), value("status", "active"), value("usage_limit"), value("expires_at"),
                value("requests_per_minute"), value("tokens_per_minute"),
                period["unit"].map { "\($0.prefix(1))\(period["count"] ?? "")" } ?? "", period["amount"] ?? "",
            ]
        case "api_key.status_changed": fields = [value("status")]
        case "api_key.limit_changed":
            let period = FlatJSON(Array(value("period_limit").utf8))
            fields = [
                change("usage_limit"), change("requests_per_minute"), change("tokens_per_minute"),
                data.has("period_limit")
                    ? period["unit"].map { "\($0.prefix(1))\(period["count"] ?? "")" } ?? "" : "=", period["amount"] ?? "",
            ]
        case "api_key.expiry_changed": fields = [change("expires_at")]
        case "api_key.rolled": fields = [value("token_sha256")]
        case let type where type.hasPrefix("request.") && type != "request.denied":
            fields = [value("project"), value("api_key"), value("charged"), value("admitted_at")]
        case let type where type.hasPrefix("credit."): fields = [value("amount")]
        case "organization.deleted", "project.deleted", "api_key.deleted", "admission.epoch_started", "iam_rule.created",
            "iam_rule.updated", "iam_rule.deleted", "member_rule.created", "member_rule.updated", "member_rule.deleted",
            "provider_key.created", "provider_key.updated", "provider_key.deleted":
            fields = []
        default: return nil
        }
        self.init(
            position: position, organization: event.organization?.uuid, stream: event.stream.id, type: event.type,
            fields: fields)
    }
}
