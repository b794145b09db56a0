import Ledger
import Postgres

import struct FoundationEssentials.UUID

/// Reads a ``Seed`` by one statement, which is one snapshot.
struct SeedReader: Sendable {
    let postgres: PostgresClient

    /// - Returns: nil for an organization that the ledger does not know, that is parked, or that has an
    ///   event which this build does not understand and which the projection has not come to yet.
    func read(_ organization: OrganizationID, deadline: Duration) async throws(AdmissionError) -> Seed? {
        do {
            let rows = try await postgres.query(
                Self.sql,
                [
                    .uuid(organization.uuid), .textArray(AdmissionEvent.types), .int4(AdmissionEvent.schemaVersion),
                    .textArray(AdmissionEvent.streams.map(\.rawValue)), .textArray(AdmissionEvent.passedOver),
                ], deadline: deadline)
            guard let first = rows.first, try first.decode("kind", as: String.self) == "ledger" else { return nil }
            let figures = try first.decode("fields", as: [String].self)
            guard figures.count == 4, figures[2] == "0", let epoch = Int64(figures[0]), let position = Int64(figures[1]) else {
                return nil
            }
            var seed = Seed(
                organization: organization, epoch: epoch, position: position, runID: figures[3].isEmpty ? nil : figures[3])
            for row in rows.dropFirst() {
                guard try add(row, to: &seed) else {
                    throw AdmissionError(.protocolViolation, "the admission tables hold a row of an unknown shape")
                }
            }
            return seed.exists ? seed : nil
        } catch {
            throw AdmissionError(postgres: error)
        }
    }

    private func add(_ row: PostgresRow, to seed: inout Seed) throws(PostgresError) -> Bool {
        let kind = try row.decode("kind", as: String.self)
        let fields = try row.decode("fields", as: [String].self)
        let id = try row.decode("stream_id", as: UUID.self)
        switch (kind, fields.count) {
        case ("organization", 5):
            seed.set(
                organization: fields[0], strict: fields[1] == "true", isRetained: fields[2] == "retain",
                policy: Int64(fields[3]) ?? 0, available: fields[4])
        case ("project", 3):
            guard let limit = LimitChange(fields[1]) else { return false }
            seed.set(project: id, status: fields[0], limit: limit, available: fields[2])
        case ("key", 11):
            guard let limit = LimitChange(fields[2]), let periodLimit = LimitChange(fields[8]) else { return false }
            seed.set(
                key: id, status: fields[0], digest: fields[1], limit: limit, expires: fields[3], requests: fields[4],
                tokens: fields[5], available: fields[6],
                period: SeededPeriod(name: fields[7], limit: periodLimit, begins: fields[9], available: fields[10]))
        case ("hold", 5):
            guard let project = UUID(uuidString: fields[0]), let key = UUID(uuidString: fields[1]),
                let instance = UUID(uuidString: fields[2]), let admittedAt = Int64(fields[3])
            else { return false }
            seed.add(hold: id, project: project, key: key, instance: instance, admittedAt: admittedAt, amount: fields[4])
        case ("event", _):
            seed.add(
                AdmissionEvent(
                    position: try row.decode("position"), organization: seed.organization.uuid, stream: id,
                    type: try row.decode("type"), fields: fields))
        default: return false
        }
        return true
    }

    static let sql = """
        WITH checkpoint AS (
            SELECT coalesce((SELECT c.position FROM projections.checkpoints AS c WHERE c.schema_name = 'admission'), 0) AS position
        ),
        -- Holds are gone through once, not once for each key.
        held AS MATERIALIZED (
            SELECT project, api_key, sum(amount) AS amount, max(admitted_at) / 1000000 AS newest
            FROM admission.holds WHERE organization = $1 GROUP BY 1, 2
        ),
        held_of_projects AS (SELECT project, sum(amount) AS amount FROM held GROUP BY 1),
        held_of_keys AS (SELECT api_key, sum(amount) AS amount, max(newest) AS newest FROM held GROUP BY 1),
        -- The newest period that anything is in: no clock says where a key is, and one that nothing is in begins full. Deleted keys
        -- are left out, here and below: an organization may have had any number of them, and Redis has none.
        newest AS (
            SELECT k.api_key, k.period_unit, k.period_count, greatest(
                (SELECT max(c.hour) FROM admission.hours AS c WHERE c.api_key = k.api_key), h.newest) AS seconds
            FROM admission.keys AS k LEFT JOIN held_of_keys AS h USING (api_key)
            WHERE k.organization = $1 AND k.status <> 'deleted' AND k.period_unit IS NOT NULL
        ),
        months AS (
            SELECT api_key, (extract(year FROM t)::bigint - 1970) * 12 + extract(month FROM t)::bigint - 1 AS month
            FROM newest, LATERAL (SELECT to_timestamp(seconds) AT TIME ZONE 'UTC' AS t) AS at
        ),
        periods AS (
            SELECT n.api_key, CASE n.period_unit
                WHEN 'month' THEN extract(epoch FROM
                    timestamp '1970-01-01' + make_interval(months => (m.month - m.month % n.period_count)::integer))::bigint
                WHEN 'week' THEN n.seconds - (n.seconds - 345600) % (n.period_count * 604800)
                WHEN 'day' THEN n.seconds - n.seconds % (n.period_count * 86400)
                ELSE n.seconds - n.seconds % (n.period_count * 3600)
            END AS begins
            FROM newest AS n JOIN months AS m USING (api_key)
        ),
        held_in_periods AS (
            SELECT h.api_key, sum(h.amount) AS amount FROM admission.holds AS h JOIN periods AS p USING (api_key)
            WHERE h.organization = $1 AND h.admitted_at / 1000000 >= p.begins GROUP BY 1
        ),
        events AS (
            \(AdmissionEvent.select(from: "ledger.events"))
            WHERE organization = $1 AND position > (SELECT position FROM checkpoint) AND type = ANY ($2)
        ),
        state AS (
            SELECT 'ledger' AS kind, 0::bigint AS position, '' AS type, $1::uuid AS stream_id, ARRAY[
                (SELECT max(s.epoch) FROM ledger.epochs AS s
                    WHERE s.organization IN ($1, '00000000-0000-0000-0000-000000000000'))::text,
                coalesce((\(AdmissionEvent.lastPosition(of: "$1", upto: "(SELECT position FROM checkpoint)", types: "$2"))), 0)::text,
                ((SELECT count(*) FROM projections.parked AS p WHERE p.schema_name = 'admission' AND p.organization = $1) + (
                    SELECT count(*) FROM ledger.events AS e
                    WHERE e.organization = $1 AND e.position > (SELECT position FROM checkpoint)
                        AND e.stream_kind = ANY ($4) AND e.type <> ALL ($5) AND (e.type <> ALL ($2) OR e.schema_version > $3)
                ))::text,
                coalesce((SELECT e.data ->> 'run_id' FROM ledger.epochs AS s JOIN ledger.events AS e ON e.position = s.epoch
                    WHERE s.organization = '00000000-0000-0000-0000-000000000000'), '')] AS fields
            UNION ALL
            SELECT 'organization', 0, '', o.organization, ARRAY[
                o.status, o.strict::text, o.retention, o.policy::text,
                (o.credited - o.charged - coalesce((SELECT sum(h.amount) FROM held AS h), 0))::text]
            FROM admission.organizations AS o WHERE o.organization = $1
            UNION ALL
            SELECT 'project', 0, '', p.project, ARRAY[
                p.status, coalesce(p.usage_limit::text, ''),
                (coalesce(p.usage_limit, 0) - p.charged - coalesce(h.amount, 0))::text]
            FROM admission.projects AS p LEFT JOIN held_of_projects AS h USING (project) WHERE p.organization = $1
            UNION ALL
            SELECT 'key', 0, '', k.api_key, ARRAY[
                k.status, k.token_sha256, coalesce(k.usage_limit::text, ''), coalesce(k.expires_at::text, ''),
                coalesce(k.requests_per_minute::text, ''), coalesce(k.tokens_per_minute::text, ''),
                (coalesce(k.usage_limit, 0) - k.charged - coalesce(h.amount, 0))::text,
                coalesce(left(k.period_unit, 1) || k.period_count, ''), coalesce(k.period_amount::text, ''),
                coalesce(p.begins::text, ''),
                CASE WHEN p.begins IS NULL THEN '' ELSE (
                    k.period_amount - coalesce(i.amount, 0)
                    - coalesce((SELECT sum(c.charged) FROM admission.hours AS c
                        WHERE c.api_key = k.api_key AND c.hour >= p.begins), 0))::text
                END]
            FROM admission.keys AS k LEFT JOIN held_of_keys AS h USING (api_key)
                LEFT JOIN periods AS p USING (api_key) LEFT JOIN held_in_periods AS i USING (api_key)
            WHERE k.organization = $1 AND k.status <> 'deleted'
            UNION ALL
            SELECT 'hold', 0, '', h.request, ARRAY[
                h.project::text, h.api_key::text, h.instance::text, h.admitted_at::text, h.amount::text]
            FROM admission.holds AS h WHERE h.organization = $1
            UNION ALL
            SELECT 'event', position, type, stream_id, fields FROM events
        )
        SELECT kind, position, type, stream_id, fields FROM state ORDER BY kind <> 'ledger', position
        """
}
