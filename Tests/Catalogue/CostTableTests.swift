import Catalogue
import Foundation
import Money
import TestSupport
import Testing

/// What every mapping of the catalogue charges, against a table of fractions that is read and computed here, by other means.
@Suite struct CostTableTests {
    /// A fraction; `10^12` divides no price of the catalogue further.
    private struct Fraction {
        var numerator: Int128
        var denominator: Int128

        init(decimal text: String) {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            let places = parts.count > 1 ? parts[1] : ""
            numerator = Int128(String(parts[0] + places)) ?? 0
            denominator = places.reduce(1) { product, _ in product * 10 }
        }

        init(_ numerator: Int128, over denominator: Int128) {
            (self.numerator, self.denominator) = (numerator, denominator)
        }

        static func * (left: Fraction, right: Fraction) -> Fraction {
            Fraction(left.numerator * right.numerator, over: left.denominator * right.denominator)
        }

        /// Whole nano-dollars, half of one upwards.
        var nanoDollars: Int128 { (2 * numerator * 1_000_000_000 + denominator) / (2 * denominator) }
    }

    /// The members of `prices` of a mapping of a file.
    private typealias Entry = [String: Any]

    private func table() throws -> [(name: String, prices: Entry)] {
        let folder = TestEnvironment.root + "/Sources/Catalogue/Data"
        var rows: [(String, Entry)] = []
        for file in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where file.hasSuffix(".json") {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))
            let root = try #require(JSONSerialization.jsonObject(with: data) as? Entry)
            for model in root["models"] as? [Entry] ?? [] {
                for mapping in model["mappings"] as? [Entry] ?? [] {
                    let name = "\(model["id"] ?? "") \(mapping["provider"] ?? "") \(mapping["model"] ?? "")"
                    rows.append((name, try #require(mapping["prices"] as? Entry)))
                }
            }
        }
        return rows
    }

    /// The cost in nano-dollars: each kind of unit is rounded once.
    private func cost(_ prices: Entry, _ usage: TokenUsage) throws -> Int128 {
        let tiers = prices["tiers"] as? [Entry] ?? [prices]
        let tier = try #require(
            tiers.first { tier in (tier["up_to_tokens"] as? NSNumber).map { usage.promptTokens <= $0.int64Value } ?? true })
        let input = try #require(tier["input"] as? String)
        let output = try #require(tier["output"] as? String)
        let write = tier["cache_write"] as? String ?? input
        let hour = tier["cache_write_1h"] as? String
        let thought = tier["reasoning"] as? String
        let factor = (prices["discount"] as? String).map { text in
            let discount = Fraction(decimal: text)
            return Fraction(discount.denominator - discount.numerator, over: discount.denominator)
        }
        func part(_ count: Int64, _ price: String, per units: Int128) -> Int128 {
            let amount = Fraction(Int128(count), over: units) * Fraction(decimal: price)
            return (factor.map { amount * $0 } ?? amount).nanoDollars
        }
        let longWritten = hour == nil || hour == write ? 0 : usage.cacheWriteHourTokens
        let reasoned = thought == nil ? 0 : usage.reasoningTokens
        let drawing = tier["image_output"] as? String
        let drawn = drawing == nil ? 0 : usage.imageOutputTokens
        let picturing = tier["image_input"] as? String
        let pictured = picturing == nil ? 0 : usage.imageInputTokens
        let read = usage.promptTokens - usage.cachedTokens - usage.cacheWriteTokens
        let given = part(read - pictured, input, per: 1_000_000) + part(pictured, picturing ?? input, per: 1_000_000)
        return given
            + part(usage.cachedTokens, tier["cached_input"] as? String ?? input, per: 1_000_000)
            + part(usage.cacheWriteTokens - longWritten, write, per: 1_000_000)
            + part(longWritten, hour ?? write, per: 1_000_000)
            + part(usage.completionTokens - reasoned - drawn, output, per: 1_000_000)
            + part(drawn, drawing ?? output, per: 1_000_000)
            + part(usage.generatedImages, prices["generated_image"] as? String ?? "0", per: 1)
            + part(reasoned, thought ?? output, per: 1_000_000)
            + part(usage.images, prices["image"] as? String ?? "0", per: 1) + part(1, prices["request"] as? String ?? "0", per: 1)
    }

    private func usage(_ random: inout SeededGenerator) -> TokenUsage {
        let most: Int64 = [10, 1_000, 300_000, 2_000_000].randomElement(using: &random) ?? 10
        let prompt = Int64.random(in: 0...most, using: &random)
        let cached = Int64.random(in: 0...prompt, using: &random)
        let written = Int64.random(in: 0...prompt - cached, using: &random)
        let completion = Int64.random(in: 0...most, using: &random)
        let reasoning = Int64.random(in: 0...completion, using: &random)
        return TokenUsage(
            promptTokens: prompt, completionTokens: completion, cachedTokens: cached, cacheWriteTokens: written,
            cacheWriteHourTokens: Int64.random(in: 0...written, using: &random),
            reasoningTokens: reasoning, images: Int64.random(in: 0...5, using: &random),
            imageOutputTokens: Int64.random(in: 0...completion - reasoning, using: &random),
            generatedImages: Int64.random(in: 0...5, using: &random),
            imageInputTokens: Int64.random(in: 0...prompt - cached - written, using: &random))
    }

    @Test func everyMappingCostsWhatItsPricesSay() throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("usages of every mapping"))
        let folder = TestEnvironment.root + "/Sources/Catalogue/Data"
        let catalogue = try Catalogue.load(files: try Catalogue.paths(folder: folder, environment: [:]), environment: [:])
        let mappings = Dictionary(
            uniqueKeysWithValues: catalogue.models.flatMap { model in
                model.mappings.map { ("\(model.id) \($0.provider) \($0.upstreamName)", $0) }
            })
        let rows = try table()
        #expect(rows.count == mappings.count && rows.count > 400)
        for (name, prices) in rows {
            let mapping = try #require(mappings[name], "\(name)")
            for _ in 0..<(TestEnvironment.soak ? 5_000 : 100) {
                let usage = usage(&random)
                let bill = try mapping.prices.bill(for: usage)
                #expect(Int128(bill.total.rawValue) == (try cost(prices, usage)), "\(name) \(usage)")
            }
        }
    }
}
