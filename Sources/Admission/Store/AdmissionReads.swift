package import Ledger
import Postgres

package import struct FoundationEssentials.UUID

/// What admission reads of the ledger and of its own tables: in Postgres, or in what stands for it in a simulation.
package protocol AdmissionReads: Sendable {
    /// nil before the ledger is created.
    func ledgerID() async throws -> UUID?
    /// The newest epoch for all organizations; nil when there is none.
    func record(deadline: Duration) async throws -> EpochRecord?
    /// An organization's whole state in one snapshot; nil for one that is unknown or parked.
    func seed(of organization: OrganizationID, deadline: Duration) async throws(AdmissionError) -> Seed?
    /// Organizations of the tables after this one, in the order of their ids.
    func organizations(after last: OrganizationID?, limit: Int32) async throws -> [OrganizationID]
    /// Those of these that are in the tables.
    func known(_ organizations: [OrganizationID]) async throws -> [OrganizationID]
    /// Authorized requests without an outcome whose instance is dead (buried, or ended), in the order of their ids.
    func dead(limit: Int32) async throws -> [DeadRequest]
    /// Where the token with this digest (hexadecimal) belongs; nil also for that of a deleted key.
    func address(ofDigest digest: String, deadline: Duration) async throws -> KeyAddress?
}

/// The newest epoch that holds for all organizations, and the Redis that it trusts.
package struct EpochRecord: Sendable, Hashable {
    package var epoch: Int64
    /// nil before any Redis was seen.
    package var runID: String?
    /// The ledger's last position when this was read.
    package var head: Int64
    /// The version of the ledger's own stream, in which epochs begin, when this was read.
    package var version: Int64

    package init(epoch: Int64, runID: String?, head: Int64, version: Int64) {
        self.epoch = epoch
        self.runID = runID
        self.head = head
        self.version = version
    }
}

/// An authorization of an instance that is dead.
package struct DeadRequest: Sendable {
    let organization: OrganizationID
    let request: RequestID
    /// `request.authorized`.
    let data: [UInt8]
    let schemaVersion: Int32
    /// By the clock of the database.
    let now: Timestamp

    package init(organization: OrganizationID, request: RequestID, data: [UInt8], schemaVersion: Int32, now: Timestamp) {
        self.organization = organization
        self.request = request
        self.data = data
        self.schemaVersion = schemaVersion
        self.now = now
    }
}

struct PostgresAdmissionReads: AdmissionReads {
    let postgres: PostgresClient

    func ledgerID() async throws -> UUID? { try await LedgerReader(postgres).ledgerID() }

    func record(deadline: Duration) async throws -> EpochRecord? {
        let rows = try await postgres.query(
            """
            SELECT s.epoch, e.data ->> 'run_id' AS run_id,
                (SELECT h.position FROM ledger.events AS h ORDER BY h.position DESC LIMIT 1) AS head,
                (
                    SELECT max(l.stream_version) FROM ledger.events AS l
                    WHERE l.stream_kind = e.stream_kind AND l.stream_id = e.stream_id
                ) AS version
            FROM ledger.epochs AS s JOIN ledger.events AS e ON e.position = s.epoch
            WHERE s.organization = '00000000-0000-0000-0000-000000000000'
            """, deadline: deadline)
        return try rows.first.map { row in
            EpochRecord(
                epoch: try row.decode(0), runID: try row.decode(1), head: try row.decode(2), version: try row.decode(3))
        }
    }

    func seed(of organization: OrganizationID, deadline: Duration) async throws(AdmissionError) -> Seed? {
        try await SeedReader(postgres: postgres).read(organization, deadline: deadline)
    }

    func organizations(after last: OrganizationID?, limit: Int32) async throws -> [OrganizationID] {
        let rows = try await postgres.query(
            "SELECT organization FROM admission.organizations WHERE organization > $1 ORDER BY organization LIMIT $2",
            [.uuid(last?.uuid ?? .zero), .int4(limit)])
        return try rows.map { OrganizationID(uuid: try $0.decode(0)) }
    }

    func known(_ organizations: [OrganizationID]) async throws -> [OrganizationID] {
        let rows = try await postgres.query(
            "SELECT organization FROM admission.organizations WHERE organization = ANY ($1)",
            [.uuidArray(organizations.map(\.uuid))], deadline: .seconds(5))
        return try rows.map { OrganizationID(uuid: try $0.decode(0)) }
    }

    func dead(limit: Int32) async throws -> [DeadRequest] {
        let rows = try await postgres.query(Self.deadSQL, [.int4(limit)], deadline: .seconds(10))
        return try rows.map { row in
            DeadRequest(
                organization: OrganizationID(uuid: try row.decode(0)), request: RequestID(uuid: try row.decode(1)),
                data: try row.decode(2), schemaVersion: try row.decode(3), now: Timestamp(microseconds: try row.decode(4)))
        }
    }

    func address(ofDigest digest: String, deadline: Duration) async throws -> KeyAddress? {
        let rows = try await postgres.query(
            """
            SELECT organization, project, api_key, created_by FROM admission.keys
            WHERE token_sha256 = $1 AND status <> 'deleted'
            """, [.text(digest)], deadline: deadline)
        return try rows.first.map { row in
            let creator: UUID? = try row.decode(3)
            return KeyAddress(
                organization: OrganizationID(uuid: try row.decode(0)), project: ProjectID(uuid: try row.decode(1)),
                key: APIKeyID(uuid: try row.decode(2)), creator: creator.map(UserID.init(uuid:)))
        }
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
}
