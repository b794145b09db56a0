import Ledger
import Money
import Redis
import Testing

@testable import Admission

/// Amounts at which a double, or Lua's own text of one, would go wrong.
@Suite struct AmountEdgeTests {
    static let amounts: [Int64] = [
        1, 99_999_000_000_000, 100_000_000_000_000, 100_001_000_000_000, 123_456_789_012_345, (1 << 53) - 1, 1 << 53,
        (1 << 53) + 1, Int64.max - 1, Int64.max,
    ]

    @Test(arguments: amounts) func aBalanceCanBeHeldToTheLastNanoDollar(amount: Int64) async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "\(amount)", keyLimit: "\(amount)")
            let request = RequestID.mint()
            let admission = try await organization.admit("\(amount)", request: request).admission
            #expect(admission?.available == .zero)
            #expect(try await organization.available() == ["0", "-\(amount)", "0"])
            let denial = try await organization.admit("1").denial
            #expect(denial == Denial(reason: .balance, scope: .organization, available: .zero))
            #expect(try await organization.release(request) == "released")
            #expect(try await organization.available() == ["\(amount)", "0", "\(amount)"])
        }
    }

    @Test(arguments: amounts) func oneMoreThanThereIsIsRefusedAndNothingMoves(amount: Int64) async throws {
        guard amount < .max else { return }
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "\(amount)", keyLimit: "\(amount)")
            let denial = try await organization.admit("\(amount + 1)").denial
            #expect(denial == Denial(reason: .balance, scope: .organization, available: NanoDollars(amount)))
            #expect(try await organization.available() == ["\(amount)", "0", "\(amount)"])
            #expect(try await organization.holds().isEmpty)
        }
    }

    @Test(arguments: amounts) func settlingIsExact(amount: Int64) async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "\(Int64.max)")
            let request = RequestID.mint()
            #expect(try await organization.admit("\(amount)", request: request).admission != nil)
            let answer = try await organization.apply {
                $0.event("request.authorized", organization.authorization(held: "\(amount)"), request.uuid)
                $0.event("request.completed", organization.outcome(charged: "\(amount - 1)"), request.uuid)
            }
            #expect(answer == "applied")
            #expect(try await organization.available() == ["\(Int64.max - amount + 1)", "\(1 - amount)", "\(1 - amount)"])
        }
    }

    /// A scope without a limit still counts; its sum may leave int64 where nothing refuses it before.
    @Test func aHoldThatWouldOverflowIsATypedErrorAndNothingMoves() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "\(Int64.max)")
            let used = RequestID.mint()
            #expect(
                try await organization.apply {
                    $0.event("request.completed", organization.outcome(charged: "\(Int64.max)"), used.uuid)
                    $0.event("credit.granted", ["\(Int64.max)"])
                } == "applied")
            let before = try await organization.state()
            await #expect(throws: AdmissionError.self) { try await organization.admit("2") }
            do {
                _ = try await organization.admit("2")
            } catch let error as AdmissionError {
                #expect(error.code == .overflow)
            }
            #expect(try await organization.state() == before)
            #expect(try await organization.holds().isEmpty)
        }
    }

    @Test func creditBeyondInt64MakesTheOrganizationUnknown() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "\(Int64.max)")
            #expect(try await organization.apply { $0.event("credit.granted", ["1"]) } == "unknown")
            #expect(try await organization.admit("1") == .unknown)
            #expect(try await organization.available().first == "\(Int64.max)")
        }
    }

    @Test(arguments: ["", "abc", "1.5", "9223372036854775808", "-9223372036854775808"])
    func whatIsNoAmountIsNone(text: String) { #expect(SignedAmount(text) == nil) }

    @Test func zeroIsItsOwnNegative() { #expect(SignedAmount(0).negated == "0") }
}
