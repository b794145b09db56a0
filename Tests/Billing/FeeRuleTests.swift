import Ledger
import Money
import Testing

@testable import Billing

@Suite struct FeeRuleTests {
    /// dollars, rule, international, free plan, total in cents.
    static let examples: [(Int64, FeeRule, Bool, Bool, Int64)] = [
        (100, .added, false, true, 10_500), (100, .added, true, false, 10_650), (5, .added, true, true, 533),
        (100, .none, true, true, 10_000),
        // (100 + 0.30) / (1 - 0.029 - 0.05) = 108.903… and so on.
        (100, .grossedUp, false, true, 10_890), (100, .grossedUp, false, false, 10_330), (100, .grossedUp, true, true, 11_071),
        (100, .grossedUp, true, false, 10_492), (5, .grossedUp, false, true, 575),
    ]

    @Test(arguments: examples.indices) func comesToTheTotalOfTheTable(_ index: Int) {
        let (dollars, rule, isInternational, isFree, total) = Self.examples[index]
        let fee = rule.fee(cents: dollars * 100, isInternational: isInternational, isFree: isFree)
        #expect(dollars * 100 * NanoDollars.perCent + fee.total.rawValue == total * NanoDollars.perCent)
        #expect(fee.rule == rule.rawValue)
    }

    @Test func everyFeeIsWholeCentsAndNotNegative() {
        for rule in FeeRule.allCases {
            for dollars in Billing.amounts {
                for (isInternational, isFree) in [(false, false), (false, true), (true, false), (true, true)] {
                    let fee = rule.fee(cents: dollars * 100, isInternational: isInternational, isFree: isFree)
                    for part in [fee.processing, fee.international, fee.platform] {
                        #expect(part >= .zero && part.rawValue % NanoDollars.perCent == 0)
                    }
                    #expect(isInternational || fee.international == .zero)
                }
            }
        }
    }
}
