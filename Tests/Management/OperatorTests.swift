import HTTPTypes
import Ledger
import Money
import TestSupport
import Testing

@testable import Management

/// What the command line does, beside people who use the API.
@Suite struct OperatorTests {
    private static let limits =
        "SELECT usage_limit, period_amount, period_count, period_unit, requests_per_minute FROM admission.keys"

    @Test func theLimitsOfAKeyAreReplacedAlsoThosePeopleHaveSet() async throws {
        try await World.run { world in
            let (user, _, project) = try await world.owner()
            let id = try await world.key(of: project, by: user).text("apiKey.id")
            let key = try #require(APIKeyID(id))
            let given =
                #"{"usageLimit":"1","periodUsageLimit":"0.1","periodUsageDurationValue":2,"periodUsageDurationUnit":"day","requestsPerMinute":60}"#
            #expect(try await world.send(.patch, "/keys/api/limit/\(id)", given, as: user).status == 200)
            let week = PeriodLimit(amount: NanoDollars(5), count: 1, unit: .week)
            #expect(
                try await world.management.setLimits(key: key, limits: .init(usageLimit: NanoDollars(7), period: week)).isApplied)
            #expect(try await world.database.lines(Self.limits) == ["(7,5,1,week,)"])
            #expect(try await world.management.setLimits(key: key, limits: .init(requestsPerMinute: 3)).isApplied)
            #expect(try await world.database.lines(Self.limits) == ["(,,,,3)"])
        }
    }

    @Test func aPeriodIsChecked() async throws {
        try await World.run { world in
            let (_, _, project) = try await world.owner()
            let id = try #require(ProjectID(project))
            func create(_ period: PeriodLimit) async throws -> Management.CreatedKey {
                try await world.management.createKey(project: id, name: "k", limits: .init(period: period))
            }
            for (amount, count) in [(1, 0), (1, 13), (-1, 1)] as [(Int64, Int64)] {
                let error = await #expect(throws: ManagementError.self) {
                    try await create(PeriodLimit(amount: NanoDollars(amount), count: count, unit: .month))
                }
                #expect(error?.code == .invalid)
            }
            #expect(try await create(PeriodLimit(amount: NanoDollars(9), count: 12, unit: .month)).change.isApplied)
            #expect(try await world.database.lines(Self.limits) == ["(,9,12,month,)"])
        }
    }
}
