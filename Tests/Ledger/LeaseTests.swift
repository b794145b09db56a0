import Postgres
import Testing

@testable import Ledger

@Suite struct LeaseTests {
    @Test func aLeaseIsGoodForLessTimeThanTheDatabaseGivesIt() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                let lease = InstanceLease(client: client, logger: quietLogger)
                #expect(!lease.mayAdmit)
                try await lease.renew()
                let now = ContinuousClock.now
                #expect(lease.mayAdmit && lease.mayAdmit(at: now + .seconds(40)))
                #expect(!lease.mayAdmit(at: now + .seconds(45)))
                try await lease.end()
                #expect(!lease.mayAdmit)
            }
        }
    }

    /// Whether the database takes an instance for dead.
    private static func isDead(_ instance: InstanceID, _ client: PostgresClient) async throws -> Bool? {
        let rows = try await client.query("SELECT dead FROM ledger.instances WHERE id = $1", [.uuid(instance.uuid)])
        return try rows.first?.decode(0, as: Bool.self)
    }

    /// Lets time pass for all leases, or for what one instance has behind it.
    private static func age(
        _ column: String, by time: String, of instance: InstanceID? = nil, _ database: LedgerDatabase
    ) async throws {
        let which = instance.map { "WHERE instance = '\($0.uuid.lowercase)'" } ?? ""
        try await database.script("UPDATE ledger.leases SET \(column) = \(column) - interval '\(time)' \(which)")
    }

    /// While Postgres is away nobody can renew, so an old lease says nothing of whoever has it.
    @Test func afterAnOutageTheProcessGoesOnAsItself() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                let lease = InstanceLease(client: client, logger: quietLogger)
                try await lease.renew()
                let first = lease.instance
                try await Self.age("renewed_at", by: "10 minutes", database)
                #expect(try await Self.isDead(first, client) == false)
                try await lease.renew()
                #expect(lease.instance == first && lease.mayAdmit)
            }
        }
    }

    /// The dead stay dead, however alive they feel; the process goes on as another instance, as after a minute without Postgres that
    /// the others had.
    @Test func afterItsLeaseWasBuriedTheProcessGoesOnAsAnother() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                let (lease, other) = (
                    InstanceLease(client: client, logger: quietLogger), InstanceLease(client: client, logger: quietLogger)
                )
                for one in [lease, other] { try await one.renew() }
                let first = lease.instance
                try await Self.age("renewed_at", by: "61 seconds", of: first, database)
                #expect(try await !other.buryOthers(), "it has been there for less than a minute")
                #expect(try await Self.isDead(first, client) == false)
                try await Self.age("steady_since", by: "61 seconds", of: other.instance, database)
                #expect(try await other.buryOthers())
                #expect(try await Self.isDead(first, client) == true)
                #expect(try await Self.isDead(other.instance, client) == false)
                try await lease.renew()
                #expect(lease.instance != first && lease.mayAdmit)
                #expect(try await Self.isDead(lease.instance, client) == false)
                try await lease.end()
                try await lease.renew()
                #expect(!lease.mayAdmit)
                #expect(try await !lease.buryOthers(), "it has ended")
            }
        }
    }

    /// After an outage everybody has as long as a lease lasts to renew, whoever is the first to come back.
    @Test func nobodyBuriesRightAfterAnOutage() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                let (living, dead, other) = (
                    InstanceLease(client: client, logger: quietLogger), InstanceLease(client: client, logger: quietLogger),
                    InstanceLease(client: client, logger: quietLogger)
                )
                for one in [living, dead, other] { try await one.renew() }
                for column in ["renewed_at", "steady_since"] { try await Self.age(column, by: "10 minutes", database) }
                #expect(try await !other.buryOthers(), "its own lease is as old as the others'")
                try await other.renew()
                #expect(try await !other.buryOthers(), "it has been away itself")
                try await living.renew()
                try await Self.age("steady_since", by: "61 seconds", of: other.instance, database)
                #expect(try await other.buryOthers())
                #expect(try await Self.isDead(living.instance, client) == false)
                #expect(try await Self.isDead(dead.instance, client) == true)
            }
        }
    }
}
