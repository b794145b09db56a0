import Foundation
import Ledger
import Money
import Synchronization
import TestSupport
import Testing

@testable import Finance

@Suite struct StatementTests {
    @Test func aStatementLeadsFromItsOpeningToItsClosing() async throws {
        try await World.run("statements", events: 3_000) { world in
            var random = SeededGenerator(seed: TestEnvironment.seed("periods of statements"))
            for organization in world.organizations.prefix(8) {
                let marks = [
                    Int.random(in: world.events.indices, using: &random), Int.random(in: world.events.indices, using: &random),
                ].sorted()
                let (from, to) = (world.events[marks[0]].recordedAt, world.events[marks[1]].recordedAt)
                let statement = try await world.finance.statement(of: organization, from: from, to: to)
                var movements: [Statement.Movement] = []
                var last: (position: Int64, balance: NanoDollars)?
                while true {
                    let page = try await world.finance.movements(of: statement, after: last, limit: 7)
                    guard let end = page.last else { break }
                    movements += page
                    last = (end.position, end.balance)
                }
                let expected = try world.events.filter {
                    $0.organization == organization && $0.recordedAt > from && $0.recordedAt <= to
                }.map { ($0.position, try World.change($0)) }.filter { $0.1 != 0 }
                #expect(movements.map(\.position) == expected.map(\.0))
                #expect(movements.map(\.amount.rawValue) == expected.map(\.1))
                var balance = statement.opening.balance.rawValue
                for movement in movements {
                    balance += movement.amount.rawValue
                    #expect(movement.balance.rawValue == balance)
                }
                #expect(statement.closing.balance.rawValue == balance)

                let bytes = Mutex([UInt8]())
                try await world.finance.exportCSV(statement) { chunk in bytes.withLock { $0 += chunk } }
                let lines = String(decoding: bytes.withLock { $0 }, as: UTF8.self).split(separator: "\n")
                #expect(lines.first == "position,event,recorded_at,occurred_at,stream,type,amount,balance")
                #expect(lines.dropFirst().map(String.init) == movements.map { $0.values.joined(separator: ",") })
            }
        }
    }

    @Test func aStatementOfThePastIsTheSameForEver() async throws {
        try await World.run("the past", events: 1_000) { world in
            let organization = try #require(world.organizations.first)
            let end = world.events[700].recordedAt
            let before = try await world.finance.statement(of: organization, from: nil, to: end)
            let rows = try await world.finance.movements(of: before, limit: 10_000)
            let late = try NewEvent(
                CreditAdjusted(amount: NanoDollars(5), reason: "late"), stream: .credit(organization), expectedVersion: nil,
                organization: organization, occurredAt: world.events[10].occurredAt)
            try await world.database.append([late])
            let after = try await world.finance.statement(of: organization, from: nil, to: end)
            #expect(after.closing == before.closing && after.upTo == before.upTo)
            #expect(try await world.finance.movements(of: after, limit: 10_000) == rows)
            await #expect(throws: FinanceError.self) {
                try await world.finance.statement(of: organization, from: end, to: world.events[3].recordedAt)
            }
        }
    }
}
