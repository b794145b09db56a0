package import Ledger
package import Redis

import struct FoundationEssentials.UUID

/// One organization's part of a run of events, as `apply` and `seed` of functions.lua take it.
package struct Slice: Sendable {
    package let organization: OrganizationID
    /// The organization's last position before the first event; 0 when these are its first events.
    package let previous: Int64
    package private(set) var last: Int64
    private var events: [Event] = []

    private struct Event {
        let position: Int64
        let step: [RedisArgument]
    }

    package init(organization: OrganizationID, previous: Int64) {
        self.organization = organization
        self.previous = previous
        last = previous
    }

    var count: Int { events.count }

    /// The slice's arguments: previous, last, and for each event its position, the step and the step's arguments.
    package var arguments: [RedisArgument] {
        var all: [RedisArgument] = [.integer(previous), .integer(last)]
        all.reserveCapacity(2 + events.count * 7)
        for event in events {
            all.append(.integer(event.position))
            all += event.step
        }
        return all
    }

    /// Adds an event of the organization; positions grow.
    package mutating func add(_ event: AdmissionEvent) {
        guard let step = Step(event) else { return park(event.type, at: event.position) }
        append([.string(step.name)] + step.arguments.map(RedisArgument.string), at: event.position)
    }

    /// Adds an event of which nobody can say what it does: nothing is known of the organization from there on.
    mutating func park(_ type: String, at position: Int64) { append(["park", .string("\(type) at \(position)")], at: position) }

    private mutating func append(_ step: [RedisArgument], at position: Int64) {
        last = position
        events.append(Event(position: position, step: step))
    }

    /// The same events as slices of at most `size`, each of which continues the one before.
    func parts(of size: Int) -> [Slice] {
        guard events.count > size else { return [self] }
        var parts: [Slice] = []
        var previous = previous
        for start in stride(from: 0, to: events.count, by: size) {
            var part = Slice(organization: organization, previous: previous)
            part.events = Array(events[start..<min(events.count, start + size)])
            part.last = part.events.last?.position ?? previous
            previous = part.last
            parts.append(part)
        }
        return parts
    }
}

/// What one event does to a state in Redis.
struct Step: Sendable, Hashable {
    let name: String
    let arguments: [String]

    private init(_ name: String, _ arguments: [String]) {
        self.name = name
        self.arguments = arguments
    }

    /// nil when the event is not of the shape that its type promises; the organization is then parked.
    init?(_ event: AdmissionEvent) {
        let fields = event.fields
        let stream = event.stream.lowercase
        switch (event.type, fields.count) {
        case ("request.authorized", 5):
            guard Self.areIDs(fields[0..<3]), let admitted = Int64(fields[3]),
                let held = SignedAmount(fields[4], atLeastZero: true)
            else { return nil }
            let owner = fields[0] + fields[1] + fields[2]
            self.init("authorize", [stream, owner, Self.seconds(ofMicroseconds: admitted), held.text, held.negated])
        case ("request.voided", _):
            self.init("void", [stream])
        case ("request.completed", 4), ("request.failed", 4), ("request.cancelled", 4), ("request.abandoned", 4),
            ("request.settled_late", 4):
            guard Self.areIDs(fields[0..<2]), let charged = SignedAmount(fields[2], atLeastZero: true),
                let admitted = Int64(fields[3])
            else { return nil }
            self.init(
                "settle",
                [stream, fields[0], fields[1], charged.text, charged.negated, Self.seconds(ofMicroseconds: admitted)])
        case ("credit.granted", 1), ("credit.topped_up", 1), ("credit.unfrozen", 1):
            guard let amount = SignedAmount(fields[0], atLeastZero: true) else { return nil }
            self.init("credit", [amount.text])
        case ("credit.adjusted", 1):
            guard let amount = SignedAmount(fields[0]) else { return nil }
            self.init("credit", [amount.text])
        case ("credit.refunded", 1), ("credit.expired", 1), ("credit.voided", 1), ("credit.frozen", 1):
            guard let amount = SignedAmount(fields[0], atLeastZero: true) else { return nil }
            self.init("credit", [amount.negated])
        case ("admission.epoch_started", _):
            self.init("epoch", [String(event.position)])
        case ("iam_rule.created", _), ("iam_rule.updated", _), ("iam_rule.deleted", _), ("member_rule.created", _),
            ("member_rule.updated", _), ("member_rule.deleted", _), ("provider_key.created", _),
            ("provider_key.updated", _), ("provider_key.deleted", _):
            self.init("policy", [])
        default:
            self.init(entity: event, stream)
        }
    }

    private init?(entity event: AdmissionEvent, _ id: String) {
        let fields = event.fields
        switch (event.type, fields.count) {
        case ("organization.created", 2): self.init(organization: fields[0], strict: fields[1], retention: "none")
        case ("organization.updated", 3): self.init(organization: fields[0], strict: fields[1], retention: fields[2])
        case ("organization.deleted", _): self.init(organization: "deleted", strict: "=", retention: "=")
        case ("project.created", 2), ("project.updated", 2): self.init(project: id, status: fields[0], limit: fields[1])
        case ("project.deleted", _): self.init(project: id, status: "deleted", limit: "=")
        case ("api_key.created", 8):
            self.init(
                key: id, digest: fields[0], status: fields[1], limit: fields[2], expires: fields[3], requests: fields[4],
                tokens: fields[5], period: fields[6], amount: fields[7])
        case ("api_key.status_changed", 1): self.init(key: id, status: fields[0])
        case ("api_key.limit_changed", 5):
            self.init(
                key: id, limit: fields[0], requests: fields[1], tokens: fields[2], period: fields[3], amount: fields[4])
        case ("api_key.expiry_changed", 1): self.init(key: id, expires: fields[0])
        case ("api_key.rolled", 1): self.init(key: id, digest: fields[0])
        case ("api_key.deleted", _): self.init(key: id, status: "deleted")
        default: return nil
        }
    }

    private init?(organization status: String, strict: String, retention: String) {
        guard Self.isStatus(status), ["true", "false", "="].contains(strict), ["retain", "none", "="].contains(retention) else {
            return nil
        }
        self.init("organization", [status, strict, retention])
    }

    private init?(project: String, status: String, limit: String) {
        guard Self.isStatus(status), let limit = LimitChange(limit) else { return nil }
        self.init("project", [project, status, limit.text, limit.negated])
    }

    private init?(
        key: String, digest: String = "=", status: String = "=", limit: String = "=", expires: String = "=",
        requests: String = "=", tokens: String = "=", period: String = "=", amount: String = ""
    ) {
        guard digest == "=" || Self.isDigest(digest), Self.isStatus(status), let limit = LimitChange(limit),
            let expires = LimitChange(expires), let requests = LimitChange(requests), let tokens = LimitChange(tokens),
            let amount = LimitChange(amount), Self.isPeriod(period, amount: amount.text)
        else { return nil }
        self.init(
            "key",
            [
                key, digest, status, limit.text, limit.negated, expires.text, requests.text, tokens.text, period,
                amount.text, amount.negated,
            ])
    }

    private static func areIDs(_ texts: ArraySlice<String>) -> Bool { texts.allSatisfy { $0.utf8.count == 36 } }

    private static func isStatus(_ text: String) -> Bool { ["active", "inactive", "deleted", "="].contains(text) }

    /// `=`, nothing without an amount, or a letter and a count with one.
    private static func isPeriod(_ text: String, amount: String) -> Bool {
        guard let unit = text.utf8.first, text != "=" else { return amount.isEmpty }
        guard "hdwm".utf8.contains(unit), let count = Int64(text.dropFirst()), (1...100_000).contains(count) else { return false }
        return !amount.isEmpty
    }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// Ten digits: enough until the year 2286.
    static func seconds(ofMicroseconds microseconds: Int64) -> String {
        let digits = String(min(max(0, microseconds / 1_000_000), 9_999_999_999))
        return String(repeating: "0", count: 10 - digits.utf8.count) + digits
    }
}
