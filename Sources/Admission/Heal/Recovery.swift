public import Ledger
public import Logging
import Money
import Redis

import struct FoundationEssentials.UUID

/// Ends what dead gateways left behind: authorizations become `request.abandoned`, holds without an event `request.voided`.
///
/// Any number of processes may run it: whoever wins the next version of the request's stream decides, the others do nothing.
public struct Recovery: Sendable {
    /// What one pass did.
    public struct Report: Sendable, Hashable {
        public var abandoned = 0
        public var voided = 0
        /// Holds of Redis that were given back.
        public var released = 0
    }

    private let store: AdmissionStore
    private let appender: Appender
    private let lease: InstanceLease
    private let logger: Logger
    private let interval: Duration
    /// How old a hold without an event has to be, by Redis's clock.
    private let overdue: Duration

    /// - Parameter lease: This process's own: whoever can't show that it has renewed it for a while abandons nothing.
    public init(
        redis: AdmissionRedis, appender: Appender, lease: InstanceLease, interval: Duration = .seconds(5),
        overdue: Duration = .seconds(60), logger: Logger
    ) {
        self.init(
            store: redis.store, appender: appender, lease: lease, interval: interval, overdue: overdue, logger: logger)
    }

    package init(
        store: AdmissionStore, appender: Appender, lease: InstanceLease, interval: Duration = .seconds(5),
        overdue: Duration = .seconds(60), logger: Logger
    ) {
        self.store = store
        self.appender = appender
        self.lease = lease
        self.interval = interval
        self.overdue = overdue
        self.logger = logger
    }

    /// Looks until cancelled.
    public func run() async {
        var problem = ""
        while !Task.isCancelled {
            do {
                let report = try await pass()
                if report != Report() { logger.info("requests of dead gateways were ended", metadata: ["report": "\(report)"]) }
                problem = ""
            } catch {
                if problem != "\(error)" { logger.warning("recovery could not look", metadata: ["error": "\(error)"]) }
                problem = "\(error)"
            }
            // Not all processes at once.
            await store.surroundings.sleep(interval * store.surroundings.pick(75...125) / 100)
        }
    }

    /// Looks once.
    public func pass() async throws -> Report {
        var report = Report()
        report.abandoned = try await abandon()
        try await void(&report)
        return report
    }

    private static let width = 64

    // MARK: Authorizations of dead instances

    private func abandon() async throws -> Int {
        // Buried first, so that none of them can renew any more. While the database is away nobody can, and all leases look run out
        // when it is back: then the living are given the time to renew theirs.
        guard try await lease.buryOthers() else { return 0 }
        var total = 0
        while true {
            let page = try await store.reads.dead(limit: Int32(Self.width))
            // Side by side, so that they share their commits.
            let ended = try await withThrowingTaskGroup(of: Bool.self) { group in
                for dead in page { group.addTask { try await abandon(dead) } }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            total += ended
            // What was ended stays in the tables until the projector has seen it: a page without news is the end.
            if page.count < Self.width || ended == 0 { return total }
        }
    }

    private func abandon(_ dead: DeadRequest) async throws -> Bool {
        let request = dead.request
        let authorized: RequestAuthorized
        do { authorized = try RequestAuthorized.decode(dead.data, schemaVersion: dead.schemaVersion) } catch {
            logger.error("an authorization can't be read", metadata: ["request": "\(request)", "error": "\(error)"])
            return false
        }
        let duration = max(0, dead.now.microseconds - authorized.admittedAt.microseconds) / 1000
        let event = try NewEvent(
            RequestAbandoned(of: authorized, reason: "lease_expired", durationMS: duration), stream: .request(request),
            expectedVersion: 1, organization: dead.organization, occurredAt: dead.now)
        if case .appended = try await appender.append(Command(event)) { return true }
        return false
    }

    // MARK: Holds without an event

    private func void(_ report: inout Report) async throws {
        let connection = store.any
        var cursor = "0"
        repeat {
            let reply = try await connection.command(
                ["SCAN", .string(cursor), "MATCH", .string(OrganizationKeys.holdsPattern), "COUNT", "1000"], deadline: .seconds(2)
            )
            guard let parts = reply.array, parts.count == 2, let next = parts[0].string, let keys = parts[1].array else {
                throw AdmissionError(.protocolViolation, "SCAN answered no page")
            }
            cursor = next
            let found = keys.compactMap { $0.string.flatMap(OrganizationKeys.organization(ofHolds:)) }
            // Another ledger may share the Redis.
            for organization in try await found.isEmpty ? [] : store.reads.known(found) {
                try await void(organization, &report, on: connection)
            }
        } while cursor != "0"
    }

    private func void(
        _ organization: OrganizationID, _ report: inout Report, on connection: any AdmissionConnection
    ) async throws {
        let keys = OrganizationKeys(organization)
        let reply = try await connection.call(
            .overdue, keys: [keys.holds], [.integer(overdue.components.seconds), .integer(Int64(Self.width))],
            deadline: .seconds(2))
        let words = (reply.array ?? []).map { $0.string ?? "" }
        for index in stride(from: 0, to: words.count - 1, by: 2) {
            guard let request = RequestID(words[index]), let hold = PendingHold(words[index + 1]) else { continue }
            let event = try NewEvent(
                RequestVoided(reason: "no_event", project: hold.project, apiKey: hold.key, held: hold.amount),
                stream: .request(request), expectedVersion: 0, organization: organization)
            switch try await appender.append(Command(event)) {
            case .appended, .already:
                report.voided += 1
                let answer = try await connection.call(
                    .release, keys: [keys.state, keys.holds], [.string(request.uuid.lowercase)])
                if answer.string == "released" { report.released += 1 }
            // Its event came after all, or another process voided it: the projector confirms or frees the hold.
            case .versionConflict, .staleEpoch, .idempotencyConflict: break
            }
        }
    }
}

/// A hold as functions.lua packs it.
struct PendingHold: Sendable, Hashable {
    let project: ProjectID
    let key: APIKeyID
    let amount: NanoDollars

    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count > 119, let project = UUID(uuidString: String(decoding: bytes[11..<47], as: UTF8.self)),
            let key = UUID(uuidString: String(decoding: bytes[47..<83], as: UTF8.self)),
            let amount = Int64(String(decoding: bytes[119...], as: UTF8.self))
        else { return nil }
        self.project = ProjectID(uuid: project)
        self.key = APIKeyID(uuid: key)
        self.amount = NanoDollars(amount)
    }
}
