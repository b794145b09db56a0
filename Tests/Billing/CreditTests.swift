import Foundation
import Ledger
import Money
import Postgres
import Projections
import TestSupport
import Testing

@testable import Billing

/// Grants that expire, and shares of what referred organizations spend.
@Suite struct CreditTests {
    private static func dollars(_ amount: Int64) -> NanoDollars { NanoDollars(amount * 1_000_000_000) }

    private static func event(_ data: some EventData, of organization: OrganizationID) throws -> NewEvent {
        try NewEvent(data, stream: .credit(organization), expectedVersion: nil, organization: organization)
    }

    /// A request of an organization, which holds `held` and is charged later.
    private struct Call {
        let organization: OrganizationID
        let request = RequestID.mint()
        let project = ProjectID.mint()
        let key = APIKeyID.mint()

        func authorization(_ held: NanoDollars) throws -> [NewEvent] {
            let digest = String(repeating: "0a", count: 28) + String(format: "%08x", UInt32.random(in: 0 ... .max))
            return try [
                NewEvent(ProjectCreated(), stream: .project(project), expectedVersion: 0, organization: organization),
                NewEvent(
                    APIKeyCreated(project: project, tokenSHA256: digest), stream: .apiKey(key), expectedVersion: 0,
                    organization: organization),
                NewEvent(
                    RequestAuthorized(
                        instance: .mint(), epoch: .max, admittedAt: .now, project: project, apiKey: key, requestedModel: "m",
                        model: "m", provider: "p", stream: false, held: held, strict: true), stream: .request(request),
                    expectedVersion: 0, organization: organization),
            ]
        }

        func charge(_ amount: NanoDollars, held: NanoDollars) throws -> NewEvent {
            let line = try PriceLine(component: "request", quantity: amount.rawValue, unit: "request", price: PicoDollars(1_000))
            let outcome = Outcome(
                instance: .mint(), project: project, apiKey: key, requestedModel: "m", model: "m", provider: "p",
                upstreamModel: "m",
                stream: false, cached: false, estimated: false, status: 200, error: nil, finishReason: "stop",
                unifiedFinishReason: "completed", attempts: [], usage: TokenUsage(), catalogueVersion: "test", credential: .house,
                price: try Bill(lines: [line]), cost: .none, held: held, charged: amount, overrun: .zero, durationMS: 1,
                timeToFirstTokenMS: nil, admittedAt: .now)
            return try NewEvent(
                RequestCompleted(outcome: outcome), stream: .request(request), expectedVersion: 1, organization: organization)
        }
    }

    private static func grants(_ world: World, of organization: OrganizationID) async throws -> [String] {
        try await world.client.query(
            "SELECT kind || ' ' || used || ' ' || expired || ' ' || remaining FROM grants.grants WHERE organization = $1 ORDER BY position",
            [.uuid(organization.uuid)]
        ).map { try $0.decode(0) }
    }

    @Test func whatIsLeftExpiresOnceAndWhatIsHeldWhenItIsFree() async throws {
        try await World.run { world in
            let organization = try await world.organizations(1)[0]
            let (past, future) = (Timestamp(microseconds: 1), Timestamp(microseconds: Timestamp.now.microseconds + 3_600_000_000))
            let call = Call(organization: organization)
            try await world.append(
                [
                    Self.event(
                        CreditGranted(grant: .mint(), kind: .promotional, amount: Self.dollars(5), expiresAt: future),
                        of: organization),
                    Self.event(
                        CreditGranted(grant: .mint(), kind: .promotional, amount: Self.dollars(10), expiresAt: past),
                        of: organization),
                ] + call.authorization(Self.dollars(8)))
            try await world.caughtUp()
            // Fifteen less the eight that the request holds.
            #expect(try await world.billing.expireGrants() == 1)
            #expect(
                try await Self.grants(world, of: organization) == [
                    "promotional 0 0 5000000000", "promotional 0 7000000000 3000000000",
                ])
            #expect(try await world.billing.expireGrants() == 0)
            try await world.append([call.charge(Self.dollars(1), held: Self.dollars(8))])
            try await world.caughtUp()
            // The request used the one that goes first, although its time has come.
            #expect(try await world.billing.expireGrants() == 1)
            #expect(
                try await Self.grants(world, of: organization)
                    == ["promotional 0 0 5000000000", "promotional 1000000000 9000000000 0"])
            #expect(try await world.billing.expireGrants() == 0)
            for name in World.projections { #expect(try await world.problems(name) == []) }
        }
    }

    /// What a projection that lags says is left has been used, and the rest of what was taken would be paid credit.
    @Test(arguments: ["grants", "admission"]) func nothingExpiresWhileAReadModelLags(_ behind: String) async throws {
        try await World.run { world in
            let organization = try await world.organizations(1)[0]
            let call = Call(organization: organization)
            try await world.append([
                Self.event(
                    CreditGranted(
                        grant: .mint(), kind: .promotional, amount: Self.dollars(10), expiresAt: Timestamp(microseconds: 1)),
                    of: organization),
                Self.event(CreditGranted(grant: .mint(), kind: .paid, amount: Self.dollars(5)), of: organization),
            ])
            try await world.caughtUp()
            // Whoever holds the row of its checkpoint holds the projection still.
            let holder = try await PostgresConnection.connect(world.database.configuration, logger: quiet)
            try await holder.script("BEGIN")
            _ = try await holder.query(
                "SELECT FROM projections.checkpoints WHERE schema_name = $1 FOR NO KEY UPDATE", [.text(behind)])
            try await world.append(
                call.authorization(Self.dollars(10)) + [call.charge(Self.dollars(4), held: Self.dollars(10))])
            let head = try await world.database.head()
            for name in ["grants", "admission"] where name != behind {
                #expect(
                    try await waitUntil(projection: name, position: head, deadline: .seconds(60), client: world.client))
            }
            #expect(try await world.billing.expireGrants() == 0)
            try await holder.script("COMMIT")
            await holder.close()
            try await world.caughtUp()
            #expect(try await world.billing.expireGrants() == 1)
            try await world.caughtUp()
            #expect(
                try await Self.grants(world, of: organization) == ["promotional 4000000000 6000000000 0", "paid 0 0 5000000000"])
            for name in World.projections { #expect(try await world.problems(name) == []) }
        }
    }

    /// Any number of workers look at the same time, and others change the credit meanwhile.
    @Test func manyWorkersExpireEachGrantOnce() async throws {
        try await World.run { world in
            let organizations = try await world.organizations(20)
            let past = Timestamp(microseconds: 1)
            for organization in organizations {
                try await world.append(
                    (0..<3).map { _ in
                        try Self.event(
                            CreditGranted(grant: .mint(), kind: .promotional, amount: Self.dollars(2), expiresAt: past),
                            of: organization)
                    })
            }
            try await world.caughtUp()
            let billing = world.billing
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { for _ in 0..<5 { try await billing.expireGrants() } } }
                group.addTask {
                    for organization in organizations {
                        try await world.append([
                            Self.event(CreditAdjusted(amount: Self.dollars(1), reason: "test"), of: organization)
                        ])
                    }
                }
                try await group.waitForAll()
            }
            repeat { try await world.caughtUp() } while try await billing.expireGrants() > 0
            for organization in organizations {
                let expected = Array(repeating: "promotional 0 2000000000 0", count: 3) + ["adjustment 0 0 1000000000"]
                #expect(try await Self.grants(world, of: organization) == expected)
            }
            for name in World.projections { #expect(try await world.problems(name) == []) }
        }
    }

    @Test func referrersGetOnePerCentOfAllSpendingOnce() async throws {
        try await World.run { world in
            let ids = try await world.organizations(3)
            let (referrer, first, second) = (ids[0], ids[1], ids[2])
            for referred in [first, second] {
                try await world.append([
                    NewEvent(
                        OrganizationReferred(referrer: referrer), stream: .organization(referred), expectedVersion: nil,
                        organization: referred),
                    Self.event(CreditGranted(grant: .mint(), kind: .paid, amount: Self.dollars(100)), of: referred),
                ])
            }
            func spend(_ amount: NanoDollars, _ organization: OrganizationID) async throws {
                let call = Call(organization: organization)
                try await world.append(call.authorization(amount) + [call.charge(amount, held: amount)])
                try await world.caughtUp()
            }
            try await spend(NanoDollars(999_999_999), first)
            #expect(try await world.billing.grantReferrals() == 0)
            try await spend(NanoDollars(4_000_000_099), first)
            try await spend(Self.dollars(20), second)
            let billing = world.billing
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try await billing.grantReferrals() } }
                try await group.waitForAll()
            }
            repeat { try await world.caughtUp() } while try await billing.grantReferrals() > 0
            let rows = try await world.client.query(
                """
                SELECT referred, sum(amount)::bigint FROM grants.grants WHERE organization = $1 AND kind = 'referral' GROUP BY 1
                """, [.uuid(referrer.uuid)])
            let given: [UUID: Int64] = try rows.reduce(into: [:]) { $0[try $1.decode(0)] = try $1.decode(1) }
            #expect(given == [first.uuid: 50_000_000, second.uuid: 200_000_000])
            // The fractions that were left over are not lost: 98 and 1,000,000,002 are one hundredth more than ten million.
            try await spend(NanoDollars(1_000_000_002), first)
            #expect(try await billing.grantReferrals() == 1)
            try await world.caughtUp()
            #expect(try await billing.grantReferrals() == 0)
            let sum = try await world.client.query(
                "SELECT sum(amount)::bigint FROM grants.grants WHERE referred = $1", [.uuid(first.uuid)])
            #expect(try sum[0].decode(0, as: Int64.self) == 60_000_001)
        }
    }
}
