import Ledger
import Money
import Redis
import Testing

import struct Foundation.UUID

@testable import Admission

/// An organization with one project and one key that exists in Redis only, with positions of its own.
final class RedisOrganization {
    let functions: Functions
    let id = OrganizationID.mint()
    let project = ProjectID.mint()
    let key = APIKeyID.mint()
    let instance = InstanceID.mint()
    let digest = String(repeating: "ab", count: 32)
    var position: Int64 = 0
    /// Of claims, by the names that claimed.
    var tokens: [String: String] = [:]

    var keys: OrganizationKeys { OrganizationKeys(id) }

    private init(_ functions: Functions) { self.functions = functions }

    /// - Parameters: limits and balance as text; nil is no limit.
    static func make(
        _ functions: Functions, balance: String = "0", projectLimit: String = "", keyLimit: String = "",
        expires: String = "", requestsPerMinute: String = "", tokensPerMinute: String = "", period: String = "",
        periodLimit: String = "", strict: Bool = true
    ) async throws -> RedisOrganization {
        let made = RedisOrganization(functions)
        let first = made.slice {
            $0.event("organization.created", ["active", strict ? "true" : "false"])
            $0.event("project.created", ["active", projectLimit], made.project.uuid)
            $0.event(
                "api_key.created",
                [made.digest, "active", keyLimit, expires, requestsPerMinute, tokensPerMinute, period, periodLimit],
                made.key.uuid)
            $0.event("credit.topped_up", [balance])
        }
        let claim = try Claim(try await functions.call(.claim, made.keys.all, ["making", "0", "60000"]))
        guard case .claimed(.missing, let token) = claim else { throw Unexpected(description: "it is there: \(claim)") }
        let answer = try await functions.call(
            .seed, made.keys.all, [.string(token)] + Seed(first: first, epoch: 10).arguments
        ).string
        guard answer == "seeded" else {
            throw Unexpected(description: "an organization could not be made: \(answer ?? "no text")")
        }
        return made
    }

    /// Collects the events of one slice.
    struct Events {
        var events: [AdmissionEvent] = []
        var position: Int64
        let organization: UUID

        mutating func event(_ type: String, _ fields: [String], _ stream: UUID? = nil) {
            position += 1
            events.append(
                AdmissionEvent(
                    position: position, organization: organization, stream: stream ?? organization, type: type, fields: fields))
        }
    }

    func slice(previous: Int64? = nil, _ body: (inout Events) -> Void) -> Slice {
        var events = Events(position: position, organization: id.uuid)
        body(&events)
        var slice = Slice(organization: id, previous: previous ?? position)
        for event in events.events { slice.add(event) }
        position = events.position
        return slice
    }

    func apply(_ body: (inout Events) -> Void) async throws -> String { try await send(slice(body)) }

    func send(_ slice: Slice) async throws -> String {
        try #require(try await functions.call(.apply, keys.all, slice.arguments).string)
    }

    func admit(
        _ hold: String, request: RequestID = .mint(), tokens: Int64 = 0, digest: String? = nil, key: APIKeyID? = nil,
        policy: Int64 = .max, isUnbounded: Bool = false, isRefused: Bool = false
    ) async throws(AdmissionError) -> AdmitDecision {
        guard let amount = SignedAmount(hold) else { throw AdmissionError(.invalidRequest, "not an amount") }
        let owner = project.uuid.lowercase + (key ?? self.key).uuid.lowercase + instance.uuid.lowercase
        return try AdmitReply.decision(
            try await functions.call(
                .admit, [keys.state, keys.holds],
                [
                    .string(request.uuid.lowercase), .string(owner), .string(digest ?? self.digest), .string(amount.text),
                    .string(amount.negated), .integer(tokens), .integer(policy),
                ] + (isRefused ? ["refused"] : isUnbounded ? ["unbounded"] : [])))
    }

    func lower(_ request: RequestID, to amount: String) async throws -> String {
        let amount = try #require(SignedAmount(amount))
        return try #require(
            try await functions.call(
                .lower, [keys.state, keys.holds],
                [.string(request.uuid.lowercase), .string(amount.text), .string(amount.negated)]
            ).string)
    }

    func release(_ request: RequestID) async throws -> String {
        try #require(
            try await functions.call(.release, [keys.state, keys.holds], [.string(request.uuid.lowercase)]).string)
    }

    func state() async throws -> [String: String] { try await functions.hash(keys.state) }
    func holds() async throws -> [String: String] { try await functions.hash(keys.holds) }

    /// What is available on organization, project and key, as Redis keeps it: limits that are not there count as zero.
    func available() async throws -> [String?] {
        let state = try await state()
        return [state["o:a"], state["p:\(project.uuid.lowercase):a"], state["k:\(key.uuid.lowercase):a"]]
    }

    func authorization(held: String, admittedAt: String = "1700000000000000") -> [String] {
        [project.uuid.lowercase, key.uuid.lowercase, instance.uuid.lowercase, admittedAt, held]
    }

    func outcome(charged: String, admittedAt: String = "1700000000000000") -> [String] {
        [project.uuid.lowercase, key.uuid.lowercase, charged, admittedAt]
    }
}

extension AdmitDecision {
    var admission: Admission? { if case .admitted(let admission) = self { admission } else { nil } }
    var denial: Denial? { if case .denied(let denial) = self { denial } else { nil } }
}
