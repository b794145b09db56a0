import Foundation
import Money
import TestSupport
import Testing

@Suite struct MoneyTests {
    @Test(
        arguments: [
            ("0", 0), ("0.0", 0), ("-0", 0), ("23.45", 23_450_000_000), ("0.000000001", 1), ("-1.5", -1_500_000_000),
            ("007", 7_000_000_000),
            ("9223372036.854775807", Int64.max), ("-9223372036.854775808", Int64.min),
        ] as [(String, Int64)])
    func readsDecimals(_ text: String, _ nano: Int64) throws {
        #expect(try NanoDollars(decimal: text).rawValue == nano)
    }

    @Test(arguments: [
        ("", MoneyError.Code.invalidDecimal), ("-", .invalidDecimal), (".", .invalidDecimal), ("1.", .invalidDecimal),
        (".5", .invalidDecimal), ("+1", .invalidDecimal), ("1e3", .invalidDecimal), (" 1", .invalidDecimal),
        ("1,5", .invalidDecimal),
        ("1.2.3", .invalidDecimal), ("١", .invalidDecimal), ("--1", .invalidDecimal), ("0.0000000001", .tooManyPlaces),
        ("1.0000000000", .tooManyPlaces), ("9223372036.854775808", .overflow), ("-9223372036.854775809", .overflow),
        ("99999999999999999999999999999999999999999999999999", .overflow),
    ])
    func refusesWhatIsNoExactDecimal(_ text: String, _ code: MoneyError.Code) {
        #expect {
            try NanoDollars(decimal: text)
        } throws: {
            ($0 as? MoneyError)?.code == code
        }
    }

    @Test func writesTheShortestExactText() {
        for (nano, text) in [
            (Int64(0), "0"), (1, "0.000000001"), (-1, "-0.000000001"), (23_450_000_000, "23.45"), (1_000_000_000, "1"),
            (.max, "9223372036.854775807"), (.min, "-9223372036.854775808"), (-100_000_000, "-0.1"),
        ] {
            #expect(NanoDollars(nano).decimal == text)
        }
        #expect(PicoDollars(2_500_000).decimalPerUnit == "0.0000025")
        #expect(PicoDollars(2_500_000).perMillion == "2.5")
        #expect(Multiplier(partsPerMillion: 800_000).decimal == "0.8")
    }

    @Test func readsPrices() throws {
        #expect(try PicoDollars(perMillion: "2.50") == PicoDollars(2_500_000))
        #expect(try PicoDollars(perMillion: "0.0025") == PicoDollars(2_500))
        #expect(try PicoDollars(decimalPerUnit: "0.0000025") == PicoDollars(2_500_000))
        #expect(try PicoDollars(decimalPerUnit: "0.005") == PicoDollars(5_000_000_000))
        #expect(throws: MoneyError.self) { try PicoDollars(perMillion: "0.0000001") }
        #expect(throws: MoneyError.self) { try PicoDollars(decimalPerUnit: "0.0000000000001") }
        #expect(throws: MoneyError.self) { try PicoDollars(perMillion: "-1") }
        #expect(throws: MoneyError.self) { try Multiplier(decimal: "-0.5") }
    }

    @Test func isABareIntegerInJSON() throws {
        let line = try PriceLine(component: "input", quantity: 3, unit: "token", price: PicoDollars(2_500), multiplier: .one)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(line), as: UTF8.self)
        #expect(
            text == #"{"amount":8,"component":"input","multiplier":1000000,"price":2500,"quantity":3,"unit":"token"}"#)
        #expect(try JSONDecoder().decode(PriceLine.self, from: Data(text.utf8)) == line)
        #expect(throws: (any Error).self) { try JSONDecoder().decode(NanoDollars.self, from: Data("1.5".utf8)) }
    }

    @Test func sumsAreChecked() throws {
        #expect(try NanoDollars(5).adding(NanoDollars(-7)) == NanoDollars(-2))
        #expect(try NanoDollars(5).subtracting(NanoDollars(7)) == NanoDollars(-2))
        #expect(try NanoDollars(.max).negated() == NanoDollars(-.max))
        #expect(throws: MoneyError.self) { try NanoDollars(.max).adding(NanoDollars(1)) }
        #expect(throws: MoneyError.self) { try NanoDollars(.min).subtracting(NanoDollars(1)) }
        #expect(throws: MoneyError.self) { try NanoDollars(.min).negated() }
    }

    @Test func aSumMayBeMoreThanAnAmount() {
        var sum = NanoDollarSum()
        for _ in 1...3 { sum.add(NanoDollars(.min)) }
        #expect(sum.decimal == "-27670116110.564327424" && NanoDollars(exactly: sum) == nil)
        for _ in 1...3 { sum.add(NanoDollars(.max)) }
        #expect(sum.decimal == "-0.000000003" && NanoDollars(exactly: sum) == NanoDollars(-3))
        #expect(NanoDollarSum().decimal == "0")
    }

    @Test func roundsHalfUp() throws {
        let one = { (pico: Int64) in try amount(quantity: 1, price: PicoDollars(pico), multiplier: .one).rawValue }
        #expect(try [0, 1, 499, 500, 501, 999, 1499, 1500].map(one) == [0, 0, 0, 1, 1, 1, 1, 2])
        let half = Multiplier(partsPerMillion: 500_000)
        #expect(try amount(quantity: 1, price: PicoDollars(999), multiplier: half).rawValue == 0)
        #expect(try amount(quantity: 1, price: PicoDollars(1000), multiplier: half).rawValue == 1)
        for (quantity, pico, parts) in [(Int64(-1), Int64(1), Int64(1)), (1, -1, 1), (1, 1, -1)] {
            #expect(throws: MoneyError.self) {
                try amount(quantity: quantity, price: PicoDollars(pico), multiplier: Multiplier(partsPerMillion: parts))
            }
        }
    }

    /// The same as long multiplication on paper, digit by digit.
    @Test func amountsAgreeWithLongMultiplication() throws {
        let seed = TestEnvironment.seed("amounts")
        var generator = SeededGenerator(seed: seed)
        func random() -> Int64 {
            Int64.random(in: 0...Int64.max, using: &generator) >> Int64.random(in: 0...62, using: &generator)
        }
        var overflows = 0
        for _ in 0..<20_000 {
            let (quantity, price, parts) = (random(), random(), random() >> 20)
            let product = Paper(quantity) * Paper(price) * Paper(parts) + Paper(500_000_000)
            let expected = Int64(product.droppingLast(9))
            let got = try? amount(
                quantity: quantity, price: PicoDollars(price), multiplier: Multiplier(partsPerMillion: parts)
            ).rawValue
            #expect(got == expected, "\(quantity) x \(price) x \(parts)")
            if expected == nil { overflows += 1 }
        }
        #expect((1000..<19_000).contains(overflows))
    }

    @Test func textAndValueAreOneAndTheSame() throws {
        let seed = TestEnvironment.seed("decimals")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let nano = Int64.random(in: .min ... .max, using: &generator) >> Int64.random(in: 0...62, using: &generator)
            let amount = NanoDollars(nano)
            #expect(try NanoDollars(decimal: amount.decimal) == amount)
            #expect(!amount.decimal.contains(".") || amount.decimal.last != "0")
            // Paper again: the digits without the point are the value.
            let parts = amount.decimal.split(separator: ".")
            let fraction = parts.count == 2 ? String(parts[1]) : ""
            let zeros = String(repeating: "0", count: 9 - fraction.count)
            let digits = "\(parts[0])\(fraction)\(zeros)"
            #expect(Int64(digits) == nano)
            if nano >= 0 { #expect(try PicoDollars(perMillion: PicoDollars(nano).perMillion) == PicoDollars(nano)) }
        }
    }

    @Test func aBillAddsUp() throws {
        let bill = try Bill(lines: [
            PriceLine(component: "input", quantity: 7, unit: "token", price: PicoDollars(500), multiplier: .one),
            PriceLine(component: "output", quantity: 1, unit: "token", price: PicoDollars(1500), multiplier: .one),
        ])
        #expect(bill.total == NanoDollars(4 + 2))
        #expect(try bill.amount(of: "input") == NanoDollars(4))
        #expect(try bill.amount(of: "request") == .zero)
    }
}

/// A whole number as decimal digits, least first: arithmetic as on paper, which shares nothing with what it checks.
private struct Paper {
    var digits: [Int]

    init(_ value: Int64) { digits = String(value).reversed().map { Int($0.asciiValue ?? 48) - 48 } }

    static func * (left: Paper, right: Paper) -> Paper {
        var result = Paper(0)
        result.digits = Array(repeating: 0, count: left.digits.count + right.digits.count)
        for (i, a) in left.digits.enumerated() {
            for (j, b) in right.digits.enumerated() { result.digits[i + j] += a * b }
        }
        return result.carried()
    }

    static func + (left: Paper, right: Paper) -> Paper {
        var result = left
        result.digits += Array(repeating: 0, count: max(0, right.digits.count - left.digits.count) + 1)
        for (index, digit) in right.digits.enumerated() { result.digits[index] += digit }
        return result.carried()
    }

    private func carried() -> Paper {
        var result = self
        for index in result.digits.indices.dropLast() {
            result.digits[index + 1] += result.digits[index] / 10
            result.digits[index] %= 10
        }
        return result
    }

    func droppingLast(_ count: Int) -> String {
        let kept = digits.dropFirst(count).reversed().map(String.init).joined()
        return kept.isEmpty ? "0" : kept
    }
}
