import Catalogue
import Money
import TestSupport
import Testing

@Suite struct BillTests {
    private func lines(_ bill: Bill) -> [String] {
        bill.lines.map { "\($0.component) \($0.quantity) \($0.unit) \($0.price.rawValue) \($0.amount.rawValue)" }
    }

    @Test func chargesEachPartAtItsOwnPrice() throws {
        let prices = try Sample.prices(
            #""input":"2.5","output":"10","cached_input":"1.25","cache_write":"3","reasoning":"12","request":"0.005","image":"0.001""#
        )
        let usage = TokenUsage(
            promptTokens: 100, completionTokens: 50, cachedTokens: 30, cacheWriteTokens: 20, reasoningTokens: 40, images: 2)
        let bill = try prices.bill(for: usage)
        #expect(
            lines(bill) == [
                "input 50 token 2500000 125000", "cached_input 30 token 1250000 37500", "cache_write 20 token 3000000 60000",
                "output 10 token 10000000 100000", "reasoning 40 token 12000000 480000", "image 2 image 1000000000 2000000",
                "request 1 request 5000000000 5000000",
            ])
        #expect(bill.total == NanoDollars(7_802_500))
    }

    @Test func imagesThatAreMadeHaveTheirPrices() throws {
        let drawn = try Sample.catalogue(
            Sample.model("a", mapping: #","image_output":true"#, prices: #""input":"1","output":"2","image_output":"30""#)
        ).models[0].mappings[0].prices
        let usage = TokenUsage(
            promptTokens: 10, completionTokens: 1_500, reasoningTokens: 100, imageOutputTokens: 1_290, generatedImages: 1)
        #expect(
            lines(try drawn.bill(for: usage)) == [
                "input 10 token 1000000 10000", "output 210 token 2000000 420000", "image_output 1290 token 30000000 38700000",
            ])
        #expect(try drawn.highest(promptTokens: 10, outputTokens: 1_500) == NanoDollars(10_000 + 45_000_000))
        // Without a price of their own they are ordinary tokens.
        #expect(try Sample.prices(#""input":"1","output":"2""#).bill(for: usage).total == NanoDollars(10_000 + 3_000_000))
        // More of them than are left of the completion are none.
        let many = TokenUsage(completionTokens: 10, imageOutputTokens: 99)
        #expect(lines(try drawn.bill(for: many)) == ["image_output 10 token 30000000 300000"])

        let each = try Sample.catalogue(
            Sample.model("b", #","kind":"image""#, prices: #""input":"0","output":"0","generated_image":"0.035""#)
        ).models[0].mappings[0].prices
        let three = TokenUsage(promptTokens: 10, completionTokens: 9, generatedImages: 3)
        #expect(
            lines(try each.bill(for: three)) == [
                "input 10 token 0 0", "output 9 token 0 0", "generated_image 3 image 35000000000 105000000",
            ])
        #expect(try each.highest(promptTokens: 10, outputTokens: 9, generatedImages: 3) == NanoDollars(105_000_000))
        #expect(!each.isFree && each.hasFreeTokens && !drawn.hasFreeTokens)
    }

    @Test func imagesThatAreGivenHaveTheirPrices() throws {
        let prices = try Sample.prices(#""input":"5","output":"0","cached_input":"1.25","image_output":"30","image_input":"8""#)
        let usage = TokenUsage(
            promptTokens: 1_000, completionTokens: 100, cachedTokens: 200, imageOutputTokens: 100, imageInputTokens: 600)
        #expect(
            lines(try prices.bill(for: usage)) == [
                "input 200 token 5000000 1000000", "image_input 600 token 8000000 4800000",
                "cached_input 200 token 1250000 250000", "image_output 100 token 30000000 3000000",
            ])
        #expect(try prices.highest(promptTokens: 1_000, outputTokens: 100) == NanoDollars(8_000_000 + 3_000_000))
        // More of them than are left of the prompt are none, and without a price of their own they are ordinary tokens.
        let many = TokenUsage(promptTokens: 10, cachedTokens: 4, imageInputTokens: 99)
        #expect(lines(try prices.bill(for: many)) == ["image_input 6 token 8000000 48000", "cached_input 4 token 1250000 5000"])
        #expect(try Sample.prices(#""input":"5","output":"0""#).bill(for: many).total == NanoDollars(50_000))
    }

    @Test func noImageIsFreeBecauseItsPriceIsUnknown() throws {
        let free = #""input":"0","output":"0""#
        for model in [
            Sample.model("a", #","kind":"image""#, prices: free),
            Sample.model("a", mapping: #","image_output":true"#, prices: free),
            Sample.model("a", #","kind":"image""#, prices: #""input":"1","output":"1","image_output":"0""#),
            // Nobody counts the images of a completion.
            Sample.model("a", prices: #""input":"1","output":"1","generated_image":"0.1""#),
        ] {
            #expect(throws: CatalogueError.self) { try Sample.catalogue(model) }
        }
    }

    @Test func anHourInTheCacheHasItsOwnPrice() throws {
        let prices = try Sample.prices(#""input":"3","output":"15","cache_write":"3.75","cache_write_1h":"6""#)
        let usage = TokenUsage(promptTokens: 100, cacheWriteTokens: 50, cacheWriteHourTokens: 20)
        #expect(
            lines(try prices.bill(for: usage)) == [
                "input 50 token 3000000 150000", "cache_write 30 token 3750000 112500", "cache_write 20 token 6000000 120000",
            ])
        let all = TokenUsage(promptTokens: 100, cacheWriteTokens: 100, cacheWriteHourTokens: 200)
        #expect(try prices.bill(for: all).total == prices.highest(promptTokens: 100, outputTokens: 0))
        // Without such a price it costs what any written token costs.
        let usual = try Sample.prices(#""input":"3","output":"15","cache_write":"3.75""#)
        #expect(lines(try usual.bill(for: all)) == ["cache_write 100 token 3750000 375000"])
    }

    @Test func aPartIsNeverLargerThanItsWhole() throws {
        let prices = try Sample.prices(#""input":"1","output":"1","reasoning":"1""#)
        let usage = TokenUsage(
            promptTokens: 10, completionTokens: 5, cachedTokens: 8, cacheWriteTokens: 8, reasoningTokens: 9)
        let quantities = try prices.bill(for: usage).lines.map(\.quantity)
        #expect(quantities == [8, 2, 5])
    }

    @Test func withoutPricesOfTheirOwnPartsCostTheSame() throws {
        let prices = try Sample.prices(#""input":"1","output":"2""#)
        let usage = TokenUsage(
            promptTokens: 10, completionTokens: 5, cachedTokens: 4, cacheWriteTokens: 1, reasoningTokens: 3)
        #expect(try prices.bill(for: usage).total == NanoDollars(10 * 1000 + 5 * 2000))
    }

    @Test func tiersGoByThePrompt() throws {
        let prices = try Sample.prices(
            #""tiers":[{"up_to_tokens":200,"input":"1","output":"4"},{"input":"2","output":"6"}],"discount":"0.2""#)
        let total = { (prompt: Int64) in
            try prices.bill(for: TokenUsage(promptTokens: prompt, completionTokens: 10)).total.rawValue
        }
        #expect(try total(200) == (200 * 1000 + 10 * 4000) * 8 / 10)
        #expect(try total(201) == (201 * 2000 + 10 * 6000) * 8 / 10)
        #expect(prices.multiplier == Multiplier(partsPerMillion: 800_000))
    }

    @Test func costsAreThePricesUnlessTheyAreGiven() throws {
        let catalogue = try Sample.catalogue(
            Sample.model("a"), Sample.model("b", mapping: #","costs":{"input":"0.5","output":"1"}"#))
        #expect(catalogue.models[0].mappings[0].costs == catalogue.models[0].mappings[0].prices)
        #expect(catalogue.models[1].mappings[0].costs.tiers[0].input == PicoDollars(500_000))
        #expect(catalogue.models[1].mappings[0].prices.tiers[0].input == PicoDollars(1_000_000))
    }

    @Test func theHighestPriceOfWholeNanoDollarsIsExact() throws {
        let prices = try Sample.prices(#""input":"0","output":"312.5""#)
        #expect(try prices.highest(promptTokens: 5000, outputTokens: 64) == NanoDollars(20_000_000))
        #expect(try Sample.prices(#""input":"0","output":"0""#).highest(promptTokens: 9, outputTokens: 9) == .zero)
        #expect(throws: MoneyError.self) { try prices.highest(promptTokens: 1, outputTokens: .max) }
        #expect(throws: MoneyError.self) { try prices.highest(promptTokens: -1, outputTokens: 1) }
    }

    /// No usage within the bounds makes a bill above the highest price, and some usage comes within its roundings of it.
    @Test func noBillIsAboveTheHighestPrice() throws {
        let seed = TestEnvironment.seed("bills")
        var generator = SeededGenerator(seed: seed)
        func below(_ bound: Int64) -> Int64 { Int64.random(in: 0..<bound, using: &generator) }
        func price() -> String { PicoDollars(below(3) == 0 ? below(10) * 1000 : below(20_000_000) >> below(20)).perMillion }
        func tier(_ upTo: Int64?) -> String {
            let bound = upTo.map { #""up_to_tokens":\#($0),"# } ?? ""
            var reasoning = below(2) == 0 ? "" : #","reasoning":"\#(price())""#
            if below(2) == 0 { reasoning += #","image_output":"\#(price())""# }
            if below(2) == 0 { reasoning += #","image_input":"\#(price())""# }
            return
                #"{\#(bound)"input":"\#(price())","output":"\#(price())","cached_input":"\#(price())","cache_write":"\#(price())"\#(reasoning)}"#
        }
        for round in 0..<400 {
            let first = below(300) + 1
            let tiers = below(2) == 0 ? [tier(nil)] : [tier(first), tier(first + 1 + below(300)), tier(nil)]
            let discount = PicoDollars(below(1_000_001)).perMillion
            let request = PicoDollars(below(3) * 1_234_567).decimalPerUnit
            let prices = try Sample.prices(
                #""tiers":[\#(tiers.joined(separator: ","))],"discount":"\#(discount)","request":"\#(request)""#)
            let (prompt, output) = (below(1000), below(1000))
            let highest = try prices.highest(promptTokens: prompt, outputTokens: output)
            for _ in 0..<50 {
                let used = below(prompt + 1)
                let bill = try prices.bill(
                    for: TokenUsage(
                        promptTokens: used, completionTokens: below(output + 1), cachedTokens: below(used + 1),
                        cacheWriteTokens: below(used + 1), reasoningTokens: below(output + 1),
                        imageOutputTokens: below(output + 1), imageInputTokens: below(used + 1)))
                #expect(bill.total <= highest, "round \(round)")
                #expect(bill.total == (try bill.lines.total()))
            }
            if tiers.count == 1 {
                let wholes = [
                    TokenUsage(promptTokens: prompt, completionTokens: output),
                    TokenUsage(promptTokens: prompt, completionTokens: output, cachedTokens: prompt),
                    TokenUsage(promptTokens: prompt, completionTokens: output, cacheWriteTokens: prompt),
                    TokenUsage(promptTokens: prompt, completionTokens: output, imageInputTokens: prompt),
                ]
                let dearest = try wholes.flatMap { whole in
                    var (thought, drawn) = (whole, whole)
                    (thought.reasoningTokens, drawn.imageOutputTokens) = (output, output)
                    return [whole, thought, drawn]
                }.map { try prices.bill(for: $0).total.rawValue }.max()
                // At most eight lines go up by half a nano-dollar and three go down by as much.
                #expect(highest.rawValue - (dearest ?? 0) <= 5, "round \(round)")
            }
        }
    }

    /// Every way to use a few tokens at prices below a nano-dollar, where roundings are all that counts.
    @Test func roundingsAreWithinTheHighestPrice() throws {
        let pico: [Int64] = [0, 1, 499, 500, 501, 999, 1000, 1500]
        var reached = 0
        for (index, price) in pico.enumerated() {
            for other in pico {
                let reasoning = index % 2 == 0 ? "" : #","reasoning":"\#(PicoDollars(other).perMillion)""#
                let prices = try Sample.prices(
                    #""input":"\#(PicoDollars(price).perMillion)","output":"\#(PicoDollars(other).perMillion)","cached_input":"\#(PicoDollars(other).perMillion)","cache_write":"\#(PicoDollars(price).perMillion)"\#(reasoning),"request":"0.0000000005""#
                )
                for prompt in Int64(0)...4 {
                    for output in Int64(0)...2 {
                        let highest = try prices.highest(promptTokens: prompt, outputTokens: output)
                        var dearest = NanoDollars.zero
                        for cached in 0...prompt {
                            for written in 0...(prompt - cached) {
                                for thought in 0...output {
                                    let usage = TokenUsage(
                                        promptTokens: prompt, completionTokens: output, cachedTokens: cached,
                                        cacheWriteTokens: written, reasoningTokens: thought)
                                    dearest = max(dearest, try prices.bill(for: usage).total)
                                }
                            }
                        }
                        #expect(dearest <= highest, "\(price) \(other) \(prompt) \(output)")
                        if dearest == highest { reached += 1 }
                    }
                }
            }
        }
        #expect(reached > 100)
    }
}
