import Postgres

/// Where leases are kept, with a clock of its own: the ledger's database, or what stands for it in a simulation.
package protocol LeaseBook: Sendable {
    /// - Returns: false when the lease has ended or was buried, which is for good.
    func renew(_ instance: InstanceID, deadline: Duration) async throws -> Bool
    func end(_ instance: InstanceID, deadline: Duration) async throws
    /// Buries all instances whose leases have run out.
    /// - Returns: false, and nobody is buried, unless the instance has renewed its own without a break for as long as a lease lasts.
    func bury(by instance: InstanceID, deadline: Duration) async throws -> Bool
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

    func bury(by instance: InstanceID, deadline: Duration) async throws -> Bool {
        let rows = try await client.query("SELECT ledger.bury_instances($1)", [.uuid(instance.uuid)], deadline: deadline)
        return try rows.first?.decode(0, as: Bool.self) ?? false
    }
}
