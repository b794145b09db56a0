import Ledger
import Money
import Postgres
import TestSupport
import Testing

@testable import Admission

/// What is read where much has gathered.
@Suite struct PlanTests {
    /// By the index of positions the whole ledger would be read to find nothing, while everybody's projection waits.
    @Test(.timeLimit(.minutes(2))) func aNewOrganizationIsLookedForInTheIndexOfOrganizations() async throws {
        try await LedgerDatabase.with { database in
            let old = OrganizationID.mint()
            let grants = try (0..<4_000).map { _ in
                try NewEvent(
                    CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(1)), stream: .credit(old),
                    expectedVersion: nil, organization: old)
            }
            let last = try await database.append(grants)
            try await database.client.query("ANALYZE ledger.events", deadline: .seconds(60))
            let values: [PostgresValue] = [
                .uuidArray([OrganizationID.mint().uuid, old.uuid]), .int8(last - 7), .textArray(AdmissionEvent.types),
            ]
            let plan = try await database.client.query("EXPLAIN \(SliceReader.previousSQL)", values)
                .map { try $0.decode(0, as: String.self) }.joined(separator: "\n")
            #expect(plan.contains("events_organization") && !plan.contains("events_position"), "\(plan)")
            let found = try await database.client.query(SliceReader.previousSQL, values)
                .map { try $0.decode(1, as: Int64?.self) }
            #expect(found == [nil, last - 7])
        }
    }

    /// Once for each key they would be gone through as often as an organization has keys.
    @Test func aSeedGoesThroughHoldsOnceForAllKeys() async throws {
        try await World.run { world in
            let plan = try await world.postgres.query(
                "EXPLAIN \(SeedReader.sql)",
                [
                    .uuid(OrganizationID.mint().uuid), .textArray(AdmissionEvent.types), .int4(AdmissionEvent.schemaVersion),
                    .textArray(AdmissionEvent.streams.map(\.rawValue)), .textArray(AdmissionEvent.passedOver),
                ]
            ).map { try $0.decode(0, as: String.self) }
            #expect(plan.contains { $0.contains(" on holds") })
            // What is done for each row stands below the name of a sub-plan, further to the right.
            var repeated: Int?
            for line in plan {
                let words = line.drop { $0 == " " }
                let column = line.count - words.count
                if let begin = repeated, column <= begin { repeated = nil }
                if words.hasPrefix("SubPlan ") {
                    repeated = repeated ?? column
                } else if repeated != nil {
                    #expect(!words.contains(" on hold") && !words.contains(" on held"), "\(line)")
                }
            }
        }
    }
}
