import Postgres

/// Where leases are kept, with a clock of its own: the ledger's database, or what stands for it in a simulation.
package protocol LeaseBook: Sendable {
    /// - Returns: false when the lease has run out, which is for good.
    func renew(_ instance: InstanceID, deadline: Duration) async throws -> Bool
    func end(_ instance: InstanceID, deadline: Duration) async throws
}

struct PostgresLeaseBook: LeaseBook {
    let client: PostgresClient

    func renew(_ instance: InstanceID, deadline: Duration) async throws -> Bool {
        let rows = try await client.query("SELECT ledger.renew_lease($1)", [.uuid(instance.uuid)], deadline: deadline)
        return try rows.first?.decode(0, as: PostgresTimestamp?.self) ?? nil != nil
    }

    func end(_ instance: InstanceID, deadline: Duration) async throws {
        _ = try await client.query("SELECT ledger.end_lease($1)", [.uuid(instance.uuid)], deadline: deadline)
    }
}
