package import Admission
import Ledger

package import struct Foundation.UUID

/// The tables of projections/admission in memory, as far as a seed of Redis needs them, and where they stand: without limits of a period,
/// which no key of a world has, and what is charged by the hour.
package struct TablesModel: Sendable {
    struct Organization: Sendable {
        var status = "active"
        var strict = true
        var retention = "none"
        var policy: Int64 = 0
        var credited: Int64 = 0
        var charged: Int64 = 0
    }

    struct Project: Sendable {
        var organization: UUID
        var status = "active"
        var limit = ""
        var charged: Int64 = 0
    }

    struct Key: Sendable {
        var organization: UUID
        var project: UUID
        var status: String
        var digest: String
        var limit: String
        var expires: String
        var requests: String
        var tokens: String
        var charged: Int64 = 0
    }

    struct Hold: Sendable {
        var organization: UUID
        var project: UUID
        var key: UUID
        var instance: UUID
        var admittedAt: Int64
        var amount: Int64
    }

    package private(set) var checkpoint: Int64 = 0
    private(set) var organizations: [UUID: Organization] = [:]
    private(set) var projects: [UUID: Project] = [:]
    private(set) var keys: [UUID: Key] = [:]
    private(set) var holds: [UUID: Hold] = [:]
    private var last: [UUID: Int64] = [:]

    package init() {}

    /// Applies the events of a batch and moves the checkpoint, as one transaction does.
    package mutating func apply(_ events: some Sequence<LedgerModel.Stored>, upto: Int64) {
        for event in events { if let facts = event.facts { apply(facts, event.event) } }
        checkpoint = upto
    }

    /// The organization's last position at the checkpoint; 0 before its first event.
    func position(of organization: UUID) -> Int64 { last[organization] ?? 0 }

    private mutating func apply(_ event: AdmissionEvent, _ whole: NewEvent) {
        guard let organization = event.organization else { return }
        last[organization] = event.position
        let fields = event.fields
        switch event.type {
        case "organization.created": organizations[organization] = Organization(strict: fields[1] == "true")
        case "organization.updated":
            if fields[0] != "=" { organizations[organization]?.status = fields[0] }
            if fields[1] != "=" { organizations[organization]?.strict = fields[1] == "true" }
            if fields[2] != "=" { organizations[organization]?.retention = fields[2] }
        case "organization.deleted": organizations[organization]?.status = "deleted"
        case "project.created":
            projects[event.stream] = Project(organization: organization, limit: fields[1])
            organizations[organization]?.policy = event.position
        case "project.updated":
            if fields[0] != "=" { projects[event.stream]?.status = fields[0] }
            if fields[1] != "=" { projects[event.stream]?.limit = fields[1] }
            organizations[organization]?.policy = event.position
        case "project.deleted":
            projects[event.stream]?.status = "deleted"
            organizations[organization]?.policy = event.position
        case "api_key.created":
            guard let project = FlatJSON(whole.data)["project"].flatMap(UUID.init(uuidString:)) else { return }
            keys[event.stream] = Key(
                organization: organization, project: project, status: fields[1], digest: fields[0], limit: fields[2],
                expires: fields[3],
                requests: fields[4], tokens: fields[5])
        case "api_key.status_changed": keys[event.stream]?.status = fields[0]
        case "api_key.deleted": keys[event.stream]?.status = "deleted"
        case "api_key.limit_changed":
            if fields[0] != "=" { keys[event.stream]?.limit = fields[0] }
            if fields[1] != "=" { keys[event.stream]?.requests = fields[1] }
            if fields[2] != "=" { keys[event.stream]?.tokens = fields[2] }
        case "api_key.expiry_changed": keys[event.stream]?.expires = fields[0]
        case "api_key.rolled": keys[event.stream]?.digest = fields[0]
        case "credit.granted", "credit.topped_up", "credit.unfrozen", "credit.adjusted":
            organizations[organization]?.credited += Int64(fields[0]) ?? 0
        case let type where type.hasPrefix("credit."): organizations[organization]?.credited -= Int64(fields[0]) ?? 0
        case "request.authorized":
            guard let project = UUID(uuidString: fields[0]), let key = UUID(uuidString: fields[1]),
                let instance = UUID(uuidString: fields[2])
            else { return }
            holds[event.stream] = Hold(
                organization: organization, project: project, key: key, instance: instance, admittedAt: Int64(fields[3]) ?? 0,
                amount: Int64(fields[4]) ?? 0)
        case "request.voided": break
        case let type where type.hasPrefix("request."):
            holds[event.stream] = nil
            let charged = Int64(fields[2]) ?? 0
            organizations[organization]?.charged += charged
            if let project = UUID(uuidString: fields[0]) { projects[project]?.charged += charged }
            if let key = UUID(uuidString: fields[1]) { keys[key]?.charged += charged }
        case "admission.epoch_started": break
        // Rules of keys and members, and provider keys: what routing depends on.
        default: organizations[organization]?.policy = event.position
        }
    }

    /// The rows of an organization, each as words in the order of its table's columns; what is not set is `-`.
    package func rows(of organization: UUID) -> [String] {
        func text(_ value: String) -> String { value.isEmpty ? "-" : value }
        var rows: [String] = []
        if let row = organizations[organization] {
            rows.append(
                "organization \(row.status) \(row.strict ? "t" : "f") \(row.retention) \(row.policy) \(row.credited) "
                    + "\(row.charged)")
        }
        for (id, row) in projects where row.organization == organization {
            rows.append("project \(id.lowercase) \(row.status) \(text(row.limit)) \(row.charged)")
        }
        for (id, row) in keys where row.organization == organization {
            rows.append(
                "key \(id.lowercase) \(row.project.lowercase) \(row.digest) \(row.status) \(text(row.limit)) \(text(row.requests)) "
                    + "\(text(row.tokens)) \(text(row.expires)) \(row.charged)")
        }
        for (id, row) in holds where row.organization == organization {
            rows.append(
                "hold \(id.lowercase) \(row.project.lowercase) \(row.key.lowercase) \(row.instance.lowercase) \(row.admittedAt) "
                    + "\(row.amount)")
        }
        return rows
    }

    /// What a seed from Postgres would be: the tables and what has come since.
    package func seed(of organization: UUID, in ledger: LedgerModel) -> Seed? {
        let id = OrganizationID(uuid: organization)
        var seed = Seed(
            organization: id, epoch: ledger.epoch(of: id) ?? 0, position: position(of: organization), runID: ledger.runID)
        let own = holds.filter { $0.value.organization == organization }.sorted { $0.key.lowercase < $1.key.lowercase }
        if let row = organizations[organization] {
            seed.set(
                organization: row.status, strict: row.strict, isRetained: row.retention == "retain", policy: row.policy,
                available: String(row.credited - row.charged - own.reduce(0) { $0 + $1.value.amount }))
        }
        for (key, row) in projects.sorted(by: { $0.key.lowercase < $1.key.lowercase }) where row.organization == organization {
            guard let limit = LimitChange(row.limit) else { return nil }
            let held = own.filter { $0.value.project == key }.reduce(0) { $0 + $1.value.amount }
            seed.set(
                project: key, status: row.status, limit: limit, available: String((Int64(row.limit) ?? 0) - row.charged - held))
        }
        for (key, row) in keys.sorted(by: { $0.key.lowercase < $1.key.lowercase })
        where row.organization == organization && row.status != "deleted" {
            guard let limit = LimitChange(row.limit), let none = LimitChange("") else { return nil }
            let held = own.filter { $0.value.key == key }.reduce(0) { $0 + $1.value.amount }
            seed.set(
                key: key, status: row.status, digest: row.digest, limit: limit, expires: row.expires, requests: row.requests,
                tokens: row.tokens, available: String((Int64(row.limit) ?? 0) - row.charged - held),
                period: SeededPeriod(name: "", limit: none, begins: "", available: ""))
        }
        for (request, hold) in own {
            seed.add(
                hold: request, project: hold.project, key: hold.key, instance: hold.instance, admittedAt: hold.admittedAt,
                amount: String(hold.amount))
        }
        for event in ledger.events[Int(checkpoint)...] {
            if let facts = event.facts, facts.organization == organization { seed.add(facts) }
        }
        return seed.exists ? seed : nil
    }

    /// The slices of a batch, one for each organization, in the order of their first events.
    package func slices(_ events: some Sequence<LedgerModel.Stored>) -> [Slice] {
        var slices: [Slice] = []
        var places: [UUID: Int] = [:]
        for event in events {
            guard let facts = event.facts, let organization = facts.organization else { continue }
            let place = places[organization] ?? slices.count
            if place == slices.count {
                places[organization] = place
                slices.append(
                    Slice(organization: OrganizationID(uuid: organization), previous: position(of: organization)))
            }
            slices[place].add(facts)
        }
        return slices
    }
}
