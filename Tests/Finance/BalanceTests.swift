import Foundation
import Ledger
import Money
import TestSupport
import Testing

@testable import Finance

@Suite struct BalanceTests {
    /// More than two blocks, so that whole blocks, a begun one and what is behind the projection are all asked for.
    @Test func aBalanceOfAnyMomentIsTheFoldOfWhatWasThereThen() async throws {
        try await World.run("balances at moments", events: 9_000) { world in
            var random = SeededGenerator(seed: TestEnvironment.seed("moments"))
            let organizations = world.organizations
            for _ in 0..<60 {
                let organization = organizations[Int.random(in: organizations.indices, using: &random)]
                let mark = world.events[Int.random(in: world.events.indices, using: &random)]
                let mine = world.events.filter { $0.organization == organization }
                let known = try mine.filter { $0.position <= mark.position }.reduce(Int64(0)) { try $0 + World.change($1) }
                #expect(try await world.finance.balance(of: organization, .position(mark.position)).balance.rawValue == known)
                let then = try await world.finance.balance(of: organization, .at(mark.recordedAt))
                #expect(then.balance.rawValue == known && then.position == mark.position)
                let between = Timestamp(microseconds: mark.recordedAt.microseconds - 1)
                #expect(try await world.finance.position(at: between) == mark.position - 1)
                let happened = try mine.filter { $0.occurredAt <= mark.occurredAt }.reduce(Int64(0)) { try $0 + World.change($1) }
                #expect(
                    try await world.finance.balance(of: organization, .effective(mark.occurredAt)).balance.rawValue == happened)
            }
        }
    }

    /// What is entered later for an earlier time changes what is known of it, and not what was known then.
    @Test func aBackDatedEventChangesWhatIsKnownNowAlone() async throws {
        try await World.run("back-dated", events: 6_000) { world in
            let organization = try #require(world.organizations.first)
            let mark = world.events[3_000]
            let known = try await world.finance.balance(of: organization, .at(mark.recordedAt))
            let effective = try await world.finance.balance(of: organization, .effective(mark.occurredAt))
            let adjusted = NanoDollars(-123_456_789)
            let late = try NewEvent(
                CreditAdjusted(amount: adjusted, reason: "late", corrects: mark.position), stream: .credit(organization),
                expectedVersion: nil, organization: organization, occurredAt: mark.occurredAt)
            try await world.database.append([late])
            for isProjected in [false, true] {
                if isProjected { try await World.project("balance_history", world.database) }
                #expect(try await world.finance.balance(of: organization, .at(mark.recordedAt)) == known)
                let after = try await world.finance.balance(of: organization, .effective(mark.occurredAt))
                #expect(after.balance.rawValue == effective.balance.rawValue + adjusted.rawValue)
                let before = Timestamp(microseconds: mark.occurredAt.microseconds - 1)
                let earlier = try await world.finance.balance(of: organization, .effective(before))
                let mine = world.events.filter { $0.organization == organization && $0.occurredAt <= before }
                #expect(try earlier.balance.rawValue == mine.reduce(Int64(0)) { try $0 + World.change($1) })
            }
        }
    }

    @Test func withoutTheReadModelItIsTheSame() async throws {
        try await World.run("without a read model", events: 600, projected: false) { world in
            for organization in world.organizations {
                let mine = world.events.filter { $0.organization == organization }
                let sum = try mine.reduce(Int64(0)) { try $0 + World.change($1) }
                #expect(try await world.finance.balance(of: organization).balance.rawValue == sum)
                let last = try #require(mine.map(\.occurredAt).max())
                #expect(try await world.finance.balance(of: organization, .effective(last)).balance.rawValue == sum)
            }
        }
    }

    @Test func whatNobodyKnowsIsNotPassedOver() async throws {
        try await World.run("unknown", events: 300) { world in
            let organization = try #require(world.organizations.first)
            let event = try NewEvent(
                id: .mint(), stream: .credit(organization), expectedVersion: nil, type: "credit.conjured", schemaVersion: 1,
                organization: organization, data: Array(#"{"amount":1}"#.utf8), occurredAt: .now, epoch: nil)
            try await world.database.append([event])
            await #expect(throws: FinanceError.self) { try await world.finance.balance(of: organization) }
            let head = try await world.finance.head()
            _ = try await world.finance.balance(of: organization, .position(head - 1))
            await #expect(throws: FinanceError.self) { try await world.finance.balance(of: .mint()) }
        }
    }
}
