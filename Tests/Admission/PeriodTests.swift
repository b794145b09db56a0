import Foundation
import Ledger
import Money
import Postgres
import Redis
import TestSupport
import Testing

@testable import Admission

/// What a key may spend in each window of the calendar.
@Suite struct PeriodTests {
    /// Where windows begin and end: functions.lua against the calendar of Foundation, month ends and leap years among them.
    @Test func windowsAreThoseOfTheCalendar() async throws {
        try await withFunctions { functions in
            let seed = TestEnvironment.seed("admission.periods")
            var random = SeededGenerator(seed: seed)
            let name = "period_test_\(UInt32.random(in: 0 ... .max))"
            let source =
                try String(contentsOfFile: "\(admissionFolderPath)/functions.lua", encoding: .utf8)
                .replacingOccurrences(of: "llmgateway_admission_dev", with: name)
                    + """

                    register('window', function(_, args)
                      local begins, ends = window(args[1], tonumber(args[2]))
                      return { string.format('%.0f', begins), string.format('%.0f', ends) }
                    end, 'no-writes')
                    """
            _ = try await functions.connection.call(["FUNCTION", "LOAD", "REPLACE", .string(source)])
            var moments: [Int64] = []
            for date in ["2023-12-31T23:59:59Z", "2024-01-01T00:00:00Z", "2024-02-29T12:00:00Z", "2100-03-01T00:00:00Z"] {
                moments.append(try #require(Timestamp(iso8601: date)).microseconds / 1_000_000)
            }
            moments += (0..<400).map { _ in Int64.random(in: 0..<4_102_444_800, using: &random) }
            for moment in moments {
                let period = PeriodLimit(
                    amount: .zero, count: Int64.random(in: 1...13, using: &random),
                    unit: [.hour, .day, .week, .month].randomElement(using: &random) ?? .day)
                let spec = "\(period.unit.rawValue.prefix(1))\(period.count)"
                let answer = try await functions.connection.call(
                    ["FCALL", .string("\(name)_window"), "0", .string(spec), .integer(moment)], deadline: .seconds(30))
                let expected = try Self.window(period, moment)
                #expect(
                    answer.array?.map(\.string) == [String(expected.begins), String(expected.ends)],
                    "\(spec) at \(moment), seed \(seed)")
                #expect(
                    period.begins(at: Timestamp(microseconds: moment * 1_000_000)).microseconds == expected.begins * 1_000_000)
                #expect(period.ends(at: Timestamp(microseconds: moment * 1_000_000)).microseconds == expected.ends * 1_000_000)
            }
            _ = try await functions.connection.call(["FUNCTION", "DELETE", .string(name)])
        }
    }

    /// By counting whole units of the calendar, as one would with a finger on it.
    private static func window(_ period: PeriodLimit, _ moment: Int64) throws -> (begins: Int64, ends: Int64) {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        let (component, origin): (Calendar.Component, Double) =
            switch period.unit {
            case .hour: (.hour, 0)
            case .day: (.day, 0)
            case .week: (.day, 345_600)
            case .month: (.month, 0)
            }
        let step = Int(period.count) * (period.unit == .week ? 7 : 1)
        let from = Date(timeIntervalSince1970: origin)
        let date = Date(timeIntervalSince1970: Double(moment))
        var units = calendar.dateComponents([component], from: from, to: date).value(for: component) ?? 0
        if date < from { units -= 1 }
        let first = Int((Double(units) / Double(step)).rounded(.down)) * step
        let begins = try #require(calendar.date(byAdding: component, value: first, to: from))
        let ends = try #require(calendar.date(byAdding: component, value: first + step, to: from))
        return (Int64(begins.timeIntervalSince1970), Int64(ends.timeIntervalSince1970))
    }

    /// 1,000 reserves of $0.10 against $5 a month: exactly 50, and what is given back can be spent again.
    @Test func exactlyFiftyReservesPass() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(
                functions, balance: "1000000000000", period: "m1", periodLimit: "5000000000")
            let decisions = try await withThrowingTaskGroup(of: AdmitDecision.self) { group in
                let reserve = SpendTests.Reserve(organization)
                for _ in 0..<1000 { group.addTask { try await reserve.admit("100000000") } }
                return try await group.reduce(into: [AdmitDecision]()) { $0.append($1) }
            }
            #expect(decisions.compactMap(\.admission).count == 50)
            let denied = decisions.compactMap(\.denial)
            #expect(denied.count == 950)
            #expect(denied.allSatisfy { $0.reason == .periodLimit && $0.scope == .apiKey && $0.available == .zero })
            #expect(denied.allSatisfy { (.zero ... .seconds(31 * 86400)).contains($0.retryAfter ?? .seconds(-1)) })
            #expect(try await organization.available() == ["995000000000", "-5000000000", "-5000000000"])
            let request = try #require(try await organization.holds().keys.first.flatMap { UUID(uuidString: $0) })
            #expect(try await organization.release(RequestID(uuid: request)) == "released")
            #expect(try await organization.admit("100000000").admission?.available == .zero)
            #expect(try await organization.admit("100000000").denial?.reason == .periodLimit)
        }
    }

    /// A charge belongs to the period in which its request was admitted, whenever it comes.
    @Test func anOldChargeLeavesTheNewPeriodAlone() async throws {
        try await withFunctions { functions in
            // So long a period does not turn within the test.
            let organization = try await RedisOrganization.make(functions, balance: "1000", period: "m13", periodLimit: "100")
            let field = "k:\(organization.key.uuid.lowercase):qa"
            let current = RequestID.mint()
            let admission = try #require(try await organization.admit("60", request: current).admission)
            #expect(admission.available == NanoDollars(40))
            let old = RequestID.mint()
            _ = try await organization.apply {
                $0.event("request.authorized", organization.authorization(held: "50"), old.uuid)
                $0.event("request.completed", organization.outcome(charged: "30"), old.uuid)
            }
            #expect(try await organization.state()[field] == "40")
            let at = String(admission.admittedAt.microseconds)
            _ = try await organization.apply {
                $0.event("request.authorized", organization.authorization(held: "60", admittedAt: at), current.uuid)
                $0.event("request.completed", organization.outcome(charged: "20", admittedAt: at), current.uuid)
            }
            #expect(try await organization.state()[field] == "80")
            #expect(try await organization.available() == ["950", "-50", "-50"])
            // Another amount holds at once; none at all takes the limit away.
            _ = try await organization.apply {
                $0.event("api_key.limit_changed", ["=", "=", "=", "m13", "25"], organization.key.uuid)
            }
            #expect(try await organization.admit("6").denial?.reason == .periodLimit)
            #expect(try await organization.admit("5").admission != nil)
            _ = try await organization.apply {
                $0.event("api_key.limit_changed", ["=", "=", "=", "", ""], organization.key.uuid)
            }
            #expect(try await organization.admit("900").admission != nil)
            // A period of another length is for the tables to count.
            _ = try await organization.apply {
                $0.event("api_key.limit_changed", ["=", "=", "=", "d1", "25"], organization.key.uuid)
            }
            #expect(try await organization.admit("1") == .unknown)
        }
    }

    /// A clock that went back over the edge of a period: what is admitted then is held, given back and charged in the newest period.
    @Test func aClockThatGoesBackOpensNoOlderPeriod() async throws {
        try await withFunctions { functions in
            // So long a period does not turn within the test.
            let organization = try await RedisOrganization.make(functions, balance: "1000", period: "m13", periodLimit: "100")
            let field = "k:\(organization.key.uuid.lowercase):qa"
            let early = RequestID.mint()
            let first = try #require(try await organization.admit("10", request: early).admission)
            // Redis has been there: from where its clock is now, that is a period which has not begun.
            let period = PeriodLimit(amount: .zero, count: 13, unit: .month)
            let newest = period.ends(at: period.ends(at: first.admittedAt))
            let ahead = RequestID.mint()
            _ = try await organization.apply {
                let at = String(newest.microseconds)
                $0.event("request.authorized", organization.authorization(held: "30", admittedAt: at), ahead.uuid)
                $0.event("request.completed", organization.outcome(charged: "30", admittedAt: at), ahead.uuid)
            }
            #expect(try await organization.state()[field] == "70")

            let given = RequestID.mint()
            let admission = try #require(try await organization.admit("70", request: given).admission)
            #expect(admission.admittedAt == newest && admission.available == .zero)
            let denial = try #require(try await organization.admit("1").denial)
            #expect(denial.reason == .periodLimit && denial.retryAfter ?? .zero > .seconds(390 * 86_400))
            #expect(try await organization.release(given) == "released")
            #expect(try await organization.state()[field] == "70")

            // A hold that was lowered to the charge, and one that the outcome frees.
            let at = String(newest.microseconds)
            for lowered in ["20", nil] {
                let request = RequestID.mint()
                #expect(try await organization.admit("50", request: request).admission?.admittedAt == newest)
                if let lowered { #expect(try await organization.lower(request, to: lowered) == "lowered") }
                _ = try await organization.apply {
                    $0.event("request.authorized", organization.authorization(held: "50", admittedAt: at), request.uuid)
                    $0.event("request.completed", organization.outcome(charged: "20", admittedAt: at), request.uuid)
                }
                #expect(try await organization.state()[field] == (lowered == nil ? "30" : "50"))
            }

            // Asked for again, a hold is where it was.
            let again = try #require(try await organization.admit("10", request: early).admission)
            #expect(period.begins(at: again.admittedAt) == period.begins(at: first.admittedAt))
            #expect(try await organization.release(early) == "released")
            #expect(try await organization.state()[field] == "30")
        }
    }

    /// What was spent in a period of another length the tables know, and they are behind: that is a 503 until they are not, and one
    /// epoch, however often it is tried.
    @Test func aChangeThatTheTablesDoNotHaveYetBeginsOneEpoch() async throws {
        try await World.run { world in
            let limit = PeriodLimit(amount: NanoDollars(100), count: 1, unit: .month)
            let shop = try await Shop.open(in: world, credit: 10_000, periodLimit: limit)
            try await world.catchUp()
            try await Sweeper.once(world)
            let organization = shop.address.organization
            let change = APIKeyLimitChanged(periodLimit: .set(PeriodLimit(amount: NanoDollars(70), count: 2, unit: .day)))
            try await world.append(change, .apiKey(shop.address.key), nil, organization)
            _ = try await world.redisCall("DEL", .string(OrganizationKeys(organization).state))
            #expect(try await shop.admit(shop.request(1)) == .unknown)
            // What asks for an epoch does not wait for the pause after a failure.
            for _ in 0..<5 { #expect(await world.client.healer.heal(organization, atLeast: 1, within: .seconds(5)) == .failed) }
            #expect(try await world.client.gauges(maximumAge: .zero).unknownOrganizations == 1)
            #expect(try await world.epochReasons() == ["ledger_created", "redis_first_seen", "state_missing"])
            try await world.catchUp()
            try await eventually("the state is built") { try await shop.admit(shop.request(70)).admission?.available == .zero }
            #expect(try await world.epochReasons().count == 3)
        }
    }

    /// What a flush takes away comes back from the tables, and a period of another length counts what was spent before it.
    @Test func theTablesKnowEveryPeriod() async throws {
        try await World.run { world in
            let limit = PeriodLimit(amount: NanoDollars(100), count: 1, unit: .month)
            let shop = try await Shop.open(in: world, credit: 10_000, periodLimit: limit)
            try await world.catchUp()
            let began = Timestamp.now
            for cost: Int64 in [30, 20] {
                let request = shop.request(40)
                let admission = try #require(try await shop.admit(request).admission)
                _ = try await shop.authorize(request, admission)
                try await shop.settle(request.request, held: 40, cost: cost, admittedAt: admission.admittedAt)
            }
            let open = shop.request(10)
            let admission = try #require(try await shop.admit(open).admission)
            _ = try await shop.authorize(open, admission)
            try await world.catchUp()
            let stored = try await shop.stored(), seeded = try await shop.seeded()
            #expect(stored.fields == seeded.fields && stored.holds == seeded.holds)
            _ = try await world.redisCall("FLUSHALL")
            #expect(try await shop.admit(shop.request(41)).denial?.reason == .periodLimit)
            #expect(try await shop.admit(shop.request(40)).admission?.available == .zero)
            // The hold of 40 has no event: a state that is built anew does not know it.
            for unit in [PeriodLimit.Unit.month, .week, .day, .hour] {
                let period = PeriodLimit(amount: NanoDollars(70), count: 2, unit: unit)
                let change = APIKeyLimitChanged(periodLimit: .set(period))
                try await world.append(change, .apiKey(shop.address.key), nil, shop.address.organization)
                try await world.catchUp()
                let denial = try await shop.admit(shop.request(11)).denial
                // Unless the window has turned since then.
                if period.begins(at: began) == period.begins(at: .now) { #expect(denial?.reason == .periodLimit, "\(unit)") }
            }
            let problems = try await world.postgres.query("SELECT sum(charged)::bigint FROM admission.hours")
            #expect(try problems.first?.decode(0, as: Int64.self) == 50)
        }
    }
}
