import Foundation
import TestSupport
import Testing

/// What must hold to the nano-dollar while many clients ask at once.
@Suite(.serialized) struct BudgetTests {
    enum Scope: String, CaseIterable {
        case balance, key, project
    }

    /// Ten cents on one scope, plenty on the others.
    private func shop(_ gateway: GatewayProcess, _ scope: Scope) async throws -> AcceptanceTests.CreatedKey {
        try await AcceptanceTests.shop(
            gateway, credits: scope == .balance ? "0.10" : "100", keyLimit: scope == .key ? "0.10" : nil,
            projectLimit: scope == .project ? "0.10" : nil)
    }

    /// 200 requests at once of exactly two cents each, against ten cents on one scope: five, and not one more; all others are
    /// refused with 402.
    @Test(
        .enabled(if: MockProvider.source != nil, "the mock provider's source is not there: set LLMGATEWAY_SHARED"),
        arguments: Scope.allCases)
    func twoHundredAtOnceSpendTenCents(_ scope: Scope) async throws {
        try await withMock { gateway, mock in
            let key = try await shop(gateway, scope)
            let before = try await mock.requests()
            let codes = try JSONDecoder().decode(
                [String: Int].self, from: Data(try await gateway.python("budget.py", ["budget", key.token]).utf8))
            #expect(codes == ["200": 5, "402": 195])
            #expect(try await gateway.balance(key.organization).charged == "0.1")
            #expect(try await mock.requests() - before == 5)
        }
    }

    /// Each request holds three cents and a bit for a prompt that then costs less: three fit at once. What they did not need
    /// comes free when they end, and a fourth gets through; what is left then is less than a hold.
    @Test(arguments: Scope.allCases) func whatWasHeldAboveItsCostComesFree(_ scope: Scope) async throws {
        try await withProviderPort { gateway, port in
            let key = try await shop(gateway, scope)
            let waves = try JSONDecoder().decode(
                [Int].self, from: Data(try await gateway.python("budget.py", ["held_above_cost", key.token, "\(port)"]).utf8))
            #expect(waves == [3, 1, 0])
            // 21 prompt tokens at $10 a million and 64 others at $312.5, four times.
            #expect(try await gateway.balance(key.organization).charged == "0.08084")
        }
    }

    @Test func aThousandRequestsWithOneClientIdAreAThousandCharges() async throws {
        try await withGateway { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            let ids = try await gateway.python("budget.py", ["same_id", key.token])
            #expect(ids == "1000\n")
            let outcomes = try await gateway.outcomes("request.completed", clientRequestID: "one-and-the-same")
            #expect(outcomes.count == 1000)
            #expect(Set(outcomes.map(\.stream)).count == 1000)
            let each = try #require(outcomes.first?.data.charged)
            #expect(each > 0)
            #expect(outcomes.allSatisfy { $0.data.charged == each })
            #expect(try await gateway.charged(key.organization) == 1000 * each)
        }
    }
}
