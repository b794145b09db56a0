import Ledger
import Postgres
import Synchronization

import struct FoundationEssentials.UUID

/// Cuts a batch of the projection into slices, one for each organization.
///
/// It remembers each organization's last position, so that `previous` costs a look into the ledger only for the first slice.
final class SliceReader: Sendable {
    private let state = Mutex(State())
    private static let remembered = 100_000

    private struct State {
        /// Up to where `last` was kept without a gap; another `after` than this means that other batches came between.
        var upto: Int64 = -1
        var last: [UUID: Int64] = [:]
    }

    /// The slices of the batch that `connection`'s transaction has just applied, in the order of their first events.
    func slices(after: Int64, upto: Int64, connection: PostgresConnection) async throws -> [Slice] {
        let rows = try await connection.query(Self.sql, [.int8(after), .int8(upto)])
        let events = try rows.map { try AdmissionEvent($0) }
        let organizations = Set(events.compactMap(\.organization))
        let previous = try await previousPositions(of: organizations, after: after, connection: connection)

        var slices: [Slice] = []
        var places: [UUID: Int] = [:]
        for event in events {
            guard let organization = event.organization else { continue }
            let place = places[organization] ?? slices.count
            if place == slices.count {
                places[organization] = place
                slices.append(
                    Slice(organization: OrganizationID(uuid: organization), previous: previous[organization] ?? 0))
            }
            slices[place].add(event)
        }
        remember(slices, after: after, upto: upto)
        return slices
    }

    /// A parked event is of no type that there is a step for, so that Redis parks the organization as well.
    private static let sql = """
        \(AdmissionEvent.select(from: "batch"))
        WHERE organization IS NOT NULL
        UNION ALL
        SELECT position, organization, stream_id, 'parked', ARRAY[]::text[]
        FROM projections.parked
        WHERE schema_name = 'admission' AND organization IS NOT NULL AND position > $1 AND position <= $2
        ORDER BY position
        """

    static let previousSQL = """
        SELECT o.organization, (\(AdmissionEvent.lastPosition(of: "o.organization", upto: "$2", types: "$3")))
        FROM unnest($1) AS o (organization)
        """

    private func previousPositions(
        of organizations: Set<UUID>, after: Int64, connection: PostgresConnection
    ) async throws -> [UUID: Int64] {
        var found: [UUID: Int64] = state.withLock { state in
            guard state.upto == after else { return [:] }
            return organizations.reduce(into: [:]) { $0[$1] = state.last[$1] }
        }
        let unknown = organizations.filter { found[$0] == nil }
        guard !unknown.isEmpty else { return found }
        let rows = try await connection.query(
            Self.previousSQL,
            [.uuidArray(Array(unknown)), .int8(after), .textArray(AdmissionEvent.types)])
        for row in rows {
            found[try row.decode(0)] = try row.decode(1, as: Int64?.self) ?? 0
        }
        return found
    }

    /// A batch that is rolled back comes again with the same `after`, which then differs from `upto`: nothing is trusted.
    private func remember(_ slices: [Slice], after: Int64, upto: Int64) {
        state.withLock { state in
            if state.upto != after || state.last.count > Self.remembered { state.last.removeAll(keepingCapacity: true) }
            state.upto = upto
            for slice in slices { state.last[slice.organization.uuid] = slice.last }
        }
    }
}
