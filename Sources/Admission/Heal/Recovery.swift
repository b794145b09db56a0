public import Ledger
public import Logging
import Money
public import Postgres
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

    private let redis: AdmissionRedis
    private let postgres: PostgresClient
    private let appender: Appender
    private let logger: Logger
    private let interval: Duration
    /// How old a hold without an event has to be, by Redis's clock.
    private let overdue: Duration

    public init(
        redis: AdmissionRedis, postgres: PostgresClient, appender: Appender, interval: Duration = .seconds(5),
        overdue: Duration = .seconds(60), logger: Logger
    ) {
        self.redis = redis
        self.postgres = postgres
        self.appender = appender
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
            try? await Task.sleep(for: interval * Int.random(in: 75...125) / 100)
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
        var total = 0
        while true {
            let page = try await postgres.query(Self.deadSQL, [.int4(Int32(Self.width))], deadline: .seconds(10))
            // Side by side, so that they share their commits.
            let ended = try await withThrowingTaskGroup(of: Bool.self) { group in
                for row in page { group.addTask { try await abandon(row) } }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            total += ended
            // What was ended stays in the tables until the projector has seen it: a page without news is the end.
            if page.count < Self.width || ended == 0 { return total }
        }
    }

    private func abandon(_ row: PostgresRow) async throws -> Bool {
        let organization = OrganizationID(uuid: try row.decode(0))
        let request = RequestID(uuid: try row.decode(1))
        let data = try row.decode(2, as: [UInt8].self)
        let now = Timestamp(microseconds: try row.decode(4))
        let authorized: RequestAuthorized
        do { authorized = try RequestAuthorized.decode(data, schemaVersion: try row.decode(3)) } catch {
            logger.error("an authorization can't be read", metadata: ["request": "\(request)", "error": "\(error)"])
            return false
        }
        let duration = max(0, now.microseconds - authorized.admittedAt.microseconds) / 1000
        let event = try NewEvent(
            RequestAbandoned(of: authorized, reason: "lease_expired", durationMS: duration), stream: .request(request),
            expectedVersion: 1, organization: organization, occurredAt: now)
        if case .appended = try await appender.append(Command(event)) { return true }
        return false
    }

    /// An instance that never had a lease counts as dead when its hold is two minutes old.
    ///
    /// Each step is a fence (OFFSET 0): first the holds whose instance is not alive, of which there are hardly any, and then one
    /// look into the ledger for each of them. Left to itself the planner joins all requests of the ledger, every few seconds.
    private static let deadSQL = """
        SELECT h.organization, h.request, e.data, e.schema_version,
            (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now
        FROM (
            SELECT h.organization, h.request, i.dead
            FROM admission.holds AS h LEFT JOIN ledger.instances AS i ON i.id = h.instance
            WHERE i.dead IS DISTINCT FROM false
            OFFSET 0
        ) AS h
        CROSS JOIN LATERAL (
            SELECT e.data, e.schema_version, e.recorded_at FROM ledger.events AS e
            WHERE e.stream_kind = 'request' AND e.stream_id = h.request AND e.stream_version = 1
            OFFSET 0
        ) AS e
        WHERE coalesce(h.dead, e.recorded_at < clock_timestamp() - interval '2 minutes')
            AND NOT EXISTS (
                SELECT FROM ledger.events AS o
                WHERE o.stream_kind = 'request' AND o.stream_id = h.request AND o.stream_version = 2
                OFFSET 0)
        ORDER BY h.request LIMIT $1
        """

    // MARK: Holds without an event

    private func void(_ report: inout Report) async throws {
        let connection = redis.client.any
        var cursor = "0"
        repeat {
            let reply = try await connection.admissionCall(
                ["SCAN", .string(cursor), "MATCH", .string(OrganizationKeys.holdsPattern), "COUNT", "1000"], deadline: .seconds(2)
            )
            guard let parts = reply.array, parts.count == 2, let next = parts[0].string, let keys = parts[1].array else {
                throw AdmissionError(.protocolViolation, "SCAN answered no page")
            }
            cursor = next
            let found = keys.compactMap { $0.string.flatMap(OrganizationKeys.organization(ofHolds:)) }
            for organization in try await ofThisLedger(found) { try await void(organization, &report, on: connection) }
        } while cursor != "0"
    }

    /// Another ledger may share the Redis.
    private func ofThisLedger(_ organizations: [OrganizationID]) async throws -> [OrganizationID] {
        guard !organizations.isEmpty else { return [] }
        let rows = try await postgres.query(
            "SELECT organization FROM admission.organizations WHERE organization = ANY ($1)",
            [.uuidArray(organizations.map(\.uuid))], deadline: .seconds(5))
        return try rows.map { OrganizationID(uuid: try $0.decode(0)) }
    }

    private func void(
        _ organization: OrganizationID, _ report: inout Report, on connection: RedisConnection
    ) async throws {
        let keys = OrganizationKeys(organization)
        let reply = try await redis.call(
            .overdue, keys: [keys.holds], [.integer(overdue.components.seconds), .integer(Int64(Self.width))], on: connection,
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
                let answer = try await redis.call(
                    .release, keys: [keys.state, keys.holds], [.string(request.uuid.lowercase)], on: connection)
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
