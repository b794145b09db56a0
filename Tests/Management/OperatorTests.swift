import HTTPTypes
import Ledger
import Money
import Postgres
import Projections
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

    /// Admission and the balances count an organization's credits: what they can't count is not recorded.
    @Test func creditsAreBounded() async throws {
        try await World.run { world in
            let organization = try #require(OrganizationID(try await world.owner().organization))
            func refused(_ change: () async throws -> Void) async -> String? {
                let error = await #expect(throws: ManagementError.self) { try await change() }
                #expect(error?.code == .invalid && error?.field == "amount")
                return error?.message
            }
            func grant(_ amount: NanoDollars) async throws {
                _ = try await world.management.grantCredits(organization: organization, amount: amount)
            }
            func adjust(_ amount: NanoDollars) async throws {
                _ = try await world.management.adjustCredits(organization: organization, amount: amount, reason: "a test")
            }
            let beyond = try CreditBounds.single.adding(NanoDollars(1))
            for amount in [beyond, NanoDollars(.max)] {
                let granting = await refused { try await grant(amount) }
                let adjusting = await refused { try await adjust(amount) }
                #expect(granting?.contains("more than 10000000 USD") == true && adjusting == granting)
            }
            for amount in [try beyond.negated(), NanoDollars(.min)] {
                let message = await refused { try await adjust(amount) }
                #expect(message?.contains("more than 10000000 USD") == true)
            }
            try await grant(CreditBounds.single)
            try await adjust(CreditBounds.single.negated())
            // From before there was a bound.
            let mistake = Int64(CreditBounds.total) - 1
            try await world.database.append([
                NewEvent(
                    CreditGranted(grant: .mint(), kind: .promotional, amount: NanoDollars(mistake)),
                    stream: .credit(organization), expectedVersion: nil, organization: organization)
            ])
            let granting = await refused { try await grant(NanoDollars(2)) }
            let adjusting = await refused { try await adjust(NanoDollars(2)) }
            #expect(granting?.contains("than can be counted") == true && adjusting == granting)
            // It is taken back at once, and not by more than it was.
            _ = await refused { try await adjust(NanoDollars(.min)) }
            try await adjust(NanoDollars(-mistake))
            try await grant(NanoDollars(7))
            let head = try await world.database.head()
            let client = world.database.client
            #expect(try await waitUntil(projection: "balances", position: head, deadline: .seconds(60), client: client))
            #expect(try await world.database.lines("SELECT balance FROM balances.organizations") == ["(7)"])
        }
    }

    /// The grants and the journal take the opposite of what is drawn, and halt for everybody where there is none.
    @Test func theLeastAmountIsNotRecordedWhateverItMends() async throws {
        try await World.run { world in
            let organization = try #require(OrganizationID(try await world.owner().organization))
            for _ in 0..<2 {
                try await world.database.append([
                    NewEvent(
                        CreditGranted(grant: .mint(), kind: .promotional, amount: NanoDollars(.max)),
                        stream: .credit(organization), expectedVersion: nil, organization: organization)
                ])
            }
            let error = await #expect(throws: ManagementError.self) {
                try await world.management.adjustCredits(
                    organization: organization, amount: NanoDollars(.min), reason: "a test")
            }
            #expect(error?.code == .invalid && error?.field == "amount")
        }
    }

    /// Whether such an event gives or takes is not known here.
    @Test func creditsOfALaterVersionAreNotGuessed() async throws {
        try await World.run { world in
            let organization = try #require(OrganizationID(try await world.owner().organization))
            try await world.database.append([
                NewEvent(
                    id: .mint(), stream: .credit(organization), expectedVersion: nil, type: "credit.lent", schemaVersion: 1,
                    organization: organization, data: Array(#"{"amount":5}"#.utf8), occurredAt: .now, epoch: nil)
            ])
            let error = await #expect(throws: ManagementError.self) {
                try await world.management.grantCredits(organization: organization, amount: NanoDollars(1))
            }
            #expect(error?.code == .unavailable && error?.message.contains("a later version") == true)
        }
    }

    /// A mistake from before there was a bound keeps no member from their organizations.
    @Test(arguments: [("20000000000000000000", "9223372036.854775807"), ("-20000000000000000000", "-9223372036.854775808")])
    func creditsBeyondWhatCanBeCountedAreShownAsTheMost(_ granted: String, _ shown: String) async throws {
        try await World.run { world in
            let (user, _, _) = try await world.owner()
            let head = try await world.database.head()
            let client = world.database.client
            #expect(try await waitUntil(projection: "balances", position: head, deadline: .seconds(60), client: client))
            try await client.query("UPDATE balances.organizations SET granted = $1::text::numeric", [.text(granted)])
            let organizations = try await world.send(.get, "/orgs", as: user)
            #expect(organizations.status == 200)
            #expect(organizations.text("organizations.0.credits") == shown)
        }
    }

    /// What it owes or is owed stays in the books, and can be wrong there.
    @Test func theBooksOfAClosedOrganizationCanBePutRight() async throws {
        try await World.run { world in
            let (user, organization, project) = try await world.owner()
            let id = try #require(OrganizationID(organization))
            let key = try #require(APIKeyID(try await world.key(of: project, by: user).text("apiKey.id")))
            let projectID = try #require(ProjectID(project))
            let management = world.management
            let granted = try await management.grantCredits(organization: id, amount: NanoDollars(5))
            _ = try await management.eraseOrganization(id)
            let adjusted = try await management.adjustCredits(
                organization: id, amount: NanoDollars(-5), reason: "closed", corrects: granted.change.position)
            #expect(adjusted.isApplied)
            // It is off for good; to say so once more does no harm.
            _ = try await management.setStatus(key: key, isActive: false)
            func refused(_ change: () async throws -> Void) async {
                let error = await #expect(throws: ManagementError.self) { try await change() }
                #expect(error?.message == "The organization \(id) is closed.")
            }
            await refused { _ = try await management.setStatus(key: key, isActive: true) }
            await refused { _ = try await management.createKey(project: projectID, name: "k") }
            await refused { _ = try await management.createProject(organization: id, name: "p") }
            await refused { _ = try await management.grantCredits(organization: id, amount: NanoDollars(1)) }
            let nobody = OrganizationID.mint()
            let error = await #expect(throws: ManagementError.self) {
                try await management.adjustCredits(organization: nobody, amount: NanoDollars(1), reason: "none")
            }
            #expect(error?.message == "There is no organization \(nobody).")
        }
    }
}
