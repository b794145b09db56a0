import Catalogue
import Money
import Testing

/// By what mappings are compared.
@Suite struct CheapestTests {
    /// Millionths of a pico-dollar.
    private func likely(_ fields: String, prompt: Int64 = 1_000, completion: Int64 = 100, images: Int64 = 0) throws -> Int128 {
        try Sample.prices(fields).likely(promptTokens: prompt, completionTokens: completion, images: images)
    }

    @Test func aRequestIsLikelyToComeToAllThatItHasPricesFor() throws {
        let tokens: Int128 = (1_000 * 1_000_000 + 100 * 2_000_000) * 1_000_000
        #expect(try likely(#""input":"1","output":"2""#) == tokens)
        #expect(try likely(#""input":"1","output":"2","discount":"0.25""#) == tokens / 4 * 3)
        #expect(try likely(#""input":"1","output":"2","request":"0.001""#) == tokens + 1_000_000_000 * 1_000_000)
        let image = #""input":"1","output":"2","image":"0.01""#
        #expect(try likely(image) == tokens)
        #expect(try likely(image, images: 3) == tokens + 30_000_000_000 * 1_000_000)
        let tiered = #""tiers":[{"up_to_tokens":999,"input":"0","output":"0"},{"input":"1","output":"2"}]"#
        #expect(try likely(tiered) == tokens)
        #expect(try likely(tiered, prompt: 999) == 0)
        // However many there are.
        let dearest = #""input":"9000000","output":"9000000","request":"9000000","image":"9000000""#
        #expect(try likely(dearest, prompt: .max, completion: .max, images: .max) > 0)
    }

    @Test func twoTokensBearTheirShareOfWhatIsBesideThem() throws {
        let prices = try Sample.prices(#""input":"1","output":"2","request":"0.001","image":"0.01","discount":"0.5""#)
        #expect(prices.ofTwoTokens(promptTokens: 10) == 3_000_000)
        // 1e9 pico-dollars over 1,000 tokens, and 1e10 for each image.
        #expect(prices.ofTwoTokens(promptTokens: 10, of: 1_000, images: 0) == (3_000_000 + 2_000_000) / 2)
        #expect(prices.ofTwoTokens(promptTokens: 10, of: 1_000, images: 2) == (3_000_000 + 42_000_000) / 2)
        #expect(prices.ofTwoTokens(promptTokens: 10, of: 0, images: 0) == (3_000_000 + 1_000_000_000) / 2)
    }
}
