import Foundation
import HTTPTypes
import Ledger
import Money
import Testing

@testable import Management

/// What the installation's administrators see.
@Suite struct AdministrationTests {
    @Test func whatWasPaidBackIsNoRevenue() async throws {
        try await World.run { world in
            let (one, other) = (OrganizationID.mint(), OrganizationID.mint())
            func event(_ data: some EventData, of organization: OrganizationID) throws -> NewEvent {
                try NewEvent(data, stream: .credit(organization), expectedVersion: nil, organization: organization)
            }
            let events = [
                try event(CreditToppedUp(amount: NanoDollars(10_000_000_000), fee: NanoDollars(500_000_000)), of: one),
                try event(CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(20_000_000_001)), of: one),
                try event(CreditGranted(grant: .mint(), kind: .promotional, amount: NanoDollars(3_000_000_000)), of: other),
                try event(CreditRefunded(amount: NanoDollars(4_000_000_000)), of: one),
                try event(CreditAdjusted(amount: NanoDollars(-1), reason: "a correction"), of: other),
                try event(CreditExpired(grant: .mint(), amount: NanoDollars(1_000_000_000)), of: other),
            ]
            _ = try await world.appender.append(Command(events), deadline: .seconds(60))
            let expected = [
                "totalCreditsIssued": "29.000000001", "totalRevenue": "26.500000001", "netProfit": "-2.5", "totalSignups": "3",
                "verifiedUsers": "2", "payingCustomers": "1",
            ]
            let text = expected.sorted { $0.key < $1.key }
            var answer = ""
            for _ in 0..<600 {
                let found = try await world.send(.get, "/admin/metrics", as: TestSessions.administrator)
                #expect(found.status == 200)
                answer = found.text
                if text.allSatisfy({ answer.contains("\"\($0.key)\":\($0.value)") }) { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            Issue.record("\(answer) is not \(expected)")
        }
    }
}
