import Postgres
import Simulation
import TestSupport
import Testing

@testable import Ledger

/// Seeded sequences of what instances do with their leases, in Postgres through the product's own way there and in the model alike:
/// the same answers, and the same dead after every step.
@Suite(.serialized) struct LeaseConformanceTests {
    @Test func theModelTreatsLeasesAsPostgresDoes() async throws {
        let first = TestEnvironment.seed("lease conformance")
        try await LedgerDatabase.with { database in
            var buried = 0
            for offset in 0..<(TestEnvironment.soak ? 1_000 : 40) as Range<UInt64> {
                var bench = LeaseBench(database.client)
                let report = try await bench.run(seed: first &+ offset)
                try #require(report.difference == nil, "LLMGATEWAY_SEED=\(first &+ offset): \(report.difference ?? "")")
                buried += report.burials
            }
            #expect(buried > 0, "the sequences bury nobody, and compare little")
        }
    }

    /// A model that is wrong is found out.
    @Test func aWrongModelIsFound() async throws {
        try await LedgerDatabase.with { database in
            var isFound = false
            for seed in 0..<40 as Range<UInt64> where !isFound {
                var bench = LeaseBench(database.client, mutation: .buriesTooSoon)
                isFound = try await bench.run(seed: seed).difference != nil
            }
            #expect(isFound)
        }
    }
}

/// The leases of Postgres and those of the model side by side.
private struct LeaseBench {
    struct Report {
        /// The first, or nil.
        var difference: String?
        /// How many were buried.
        var burials = 0
    }

    private let client: PostgresClient
    private let book: PostgresLeaseBook
    private var model: LedgerModel
    private let instances = (0..<4).map { _ in InstanceID.mint() }
    private let began = ContinuousClock.now
    /// What has passed beside the time that the statements take, microseconds.
    private var passed: Int64 = 0
    /// The model's clock, microseconds: it goes on by itself as that of Postgres does.
    private var now: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - began).components
        return 1_800_000_000_000_000 + passed + seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    init(_ client: PostgresClient, mutation: Mutation? = nil) {
        self.client = client
        book = PostgresLeaseBook(client: client)
        model = LedgerModel(mutation: mutation)
    }

    mutating func run(seed: UInt64) async throws -> Report {
        var random = SplitMix64(seed: seed)
        var report = Report()
        _ = try await client.query("DELETE FROM ledger.leases")
        for step in 0..<40 {
            let difference = try await take(&random, &report)
            if let difference {
                report.difference = "step \(step): \(difference)"
                return report
            }
            for (index, instance) in instances.enumerated() {
                let rows = try await client.query("SELECT dead FROM ledger.instances WHERE id = $1", [.uuid(instance.uuid)])
                let isDead = try rows.first?.decode(0, as: Bool.self)
                guard isDead == model.isDead(instance) else {
                    report.difference =
                        "step \(step): instance \(index) is dead: \(String(describing: isDead)) in Postgres, "
                        + "\(String(describing: model.isDead(instance))) in the model"
                    return report
                }
            }
        }
        return report
    }

    private mutating func take(_ random: inout SplitMix64, _ report: inout Report) async throws -> String? {
        let instance = instances[random.below(instances.count)]
        switch random.below(12) {
        case 0...5:
            // Mostly in time, as processes do; one that leaves out two in a row has a break, and the last is hardly ever there.
            try await pass(7)
            for (index, one) in instances.enumerated() where index == 3 ? random.once(in: 12) : !random.once(in: 6) {
                if let difference = try await renew(one) { return difference }
            }
            return nil
        case 6: try await pass(random.once(in: 2) ? 14 : 63 + 7 * Int64(random.below(3)))
        case 7: return try await renew(instance)
        case 8 where random.once(in: 3):
            try await book.end(instance, deadline: .seconds(30))
            model.endLease(instance)
        default:
            let before = instances.filter { model.isDead($0) == true }.count
            let isAllowed = try await book.bury(by: instance, deadline: .seconds(30))
            let expected = model.buryInstances(by: instance, at: now)
            report.burials += instances.filter { model.isDead($0) == true }.count - before
            if isAllowed != expected { return "it may bury: \(isAllowed) in Postgres, \(expected) in the model" }
        }
        return nil
    }

    private mutating func renew(_ instance: InstanceID) async throws -> String? {
        let isRenewed = try await book.renew(instance, deadline: .seconds(30))
        let expected = model.renewLease(instance, at: now)
        return isRenewed == expected ? nil : "a lease is renewed: \(isRenewed) in Postgres, \(expected) in the model"
    }

    /// Lets time pass, in Postgres by leases that grow older. By sevens of seconds, and no bound of the leases (20, 25 and 60 s) is
    /// just above one: the moment between the one's look at its clock and the other's changes no answer.
    private mutating func pass(_ seconds: Int64) async throws {
        let time = "interval '\(seconds) seconds'"
        _ = try await client.query(
            "UPDATE ledger.leases SET renewed_at = renewed_at - \(time), steady_since = steady_since - \(time)")
        passed += seconds * 1_000_000
    }
}
