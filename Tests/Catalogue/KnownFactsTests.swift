import Catalogue
import Money
import TestSupport
import Testing

/// What providers document of models that come with the gateway, as they document it: a bound that is missing lets a request ask
/// for more than is served, and a price that is missing is paid by the house.
@Suite struct KnownFactsTests {
    private func mapping(_ model: String, at provider: String) throws -> Mapping {
        let files = try Catalogue.paths(folder: TestEnvironment.root + "/Sources/Catalogue/Data", environment: [:])
        let catalogue = try Catalogue.load(files: files, environment: [:])
        return try #require(
            catalogue.model(model)?.mappings.first { $0.provider == provider }, "\(model) at \(provider)")
    }

    @Test(
        arguments: [
            ("gpt-4", "openai", 8_192), ("gpt-4-turbo", "openai", 4_096), ("gpt-3.5-turbo", "openai", 4_096),
            ("gpt-4.1", "openai", 32_768), ("gpt-4.1", "azure", 32_768), ("gpt-4.1-mini", "openai", 32_768),
            ("gpt-4.1-mini", "azure", 32_768), ("gpt-4.1-nano", "openai", 32_768), ("o1", "openai", 100_000),
            ("o3", "openai", 100_000), ("o3-mini", "openai", 100_000), ("o4-mini", "openai", 100_000),
            ("glm-4.5", "zai", 98_304), ("glm-4.5-airx", "zai", 98_304), ("glm-4.6", "zai", 131_072),
            ("sonar-pro", "perplexity", 8_000),
            ("seed-1-8-251228", "bytedance", 65_536),
        ] as [(String, String, Int64)])
    func completionsAreBoundedAsTheProviderBoundsThem(model: String, provider: String, tokens: Int64) throws {
        #expect(try mapping(model, at: provider).outputBound == tokens)
    }

    /// The whole of a longer prompt, and what is answered to it: input twice, output once and a half.
    @Test(
        arguments: [
            ("gpt-5.4", "openai"), ("gpt-5.4", "azure"), ("gpt-5.4-pro", "openai"), ("gpt-5.4-pro", "azure"),
            ("gpt-5.5", "openai"), ("gpt-5.5", "azure"), ("gpt-5.5-pro", "openai"),
            ("gpt-5.6-sol", "openai"), ("gpt-5.6-sol", "azure"), ("gpt-5.6-sol", "aws-mantle"),
            ("gpt-5.6-terra", "openai"), ("gpt-5.6-terra", "azure"), ("gpt-5.6-terra", "aws-mantle"),
            ("gpt-5.6-luna", "openai"), ("gpt-5.6-luna", "azure"), ("gpt-5.6-luna", "aws-mantle"), ("fugu-ultra", "sakana"),
        ])
    func beyond272000TokensOpenAICostsMore(model: String, provider: String) throws {
        let prices = try mapping(model, at: provider).prices
        let (short, long) = (prices.tier(promptTokens: 272_000), prices.tier(promptTokens: 272_001))
        #expect(long.input.rawValue == 2 * short.input.rawValue && long.cachedInput.rawValue == 2 * short.cachedInput.rawValue)
        #expect(2 * long.output.rawValue == 3 * short.output.rawValue)
        #expect(try mapping(model, at: provider).costs == prices)
    }

    @Test(arguments: ["grok-4-20-beta-0309-reasoning", "grok-4-3", "grok-4-5", "grok-4-6", "grok-build-0-1"])
    func from200000TokensXAICostsTwice(model: String) throws {
        let prices = try mapping(model, at: "xai").prices
        let (short, long) = (prices.tier(promptTokens: 199_999), prices.tier(promptTokens: 200_000))
        #expect(long.input.rawValue == 2 * short.input.rawValue && long.output.rawValue == 2 * short.output.rawValue)
        #expect(long.cachedInput.rawValue == 2 * short.cachedInput.rawValue)
    }

    @Test(
        arguments: [
            ("qwen-flash", 256_000, "0.05", "0.25"), ("qwen-plus-latest", 256_000, "0.4", "1.2"),
            ("qwen3.6-plus", 256_000, "0.5", "2"), ("qwen3.6-flash", 256_000, "0.25", "1"),
            ("qwen3.7-plus", 256_000, "0.4", "1.2"), ("qwen3.7-flash", 32_000, "0.03", "0.1"),
            ("qwen3.7-flash", 256_000, "0.1", "0.2"), ("qwen3-coder-flash", 32_000, "0.3", "0.5"),
            ("qwen3-coder-flash", 128_000, "0.5", "0.8"), ("qwen3-coder-flash", 256_000, "0.8", "1.6"),
            ("qwen3-vl-plus", 32_000, "0.2", "0.3"), ("qwen3-vl-plus", 128_000, "0.3", "0.6"),
        ] as [(String, Int64, String, String)])
    func qwenCostsByTheLengthOfThePrompt(model: String, bound: Int64, short: String, long: String) throws {
        let prices = try mapping(model, at: "alibaba").prices
        #expect(prices.tier(promptTokens: bound).input == (try PicoDollars(perMillion: short)))
        #expect(prices.tier(promptTokens: bound + 1).input == (try PicoDollars(perMillion: long)))
    }

    @Test func aLongPromptIsBilledAsAWhole() throws {
        let usage = TokenUsage(promptTokens: 300_000, completionTokens: 10_000, cachedTokens: 100_000)
        let bill = try mapping("gpt-5.4", at: "openai").prices.bill(for: usage)
        #expect(bill.total == NanoDollars(1_000_000_000 + 50_000_000 + 225_000_000))
    }

    /// A token that is written to a cache costs a quarter more than one that is only read, in every step.
    @Test(
        arguments: [
            ("gpt-5.6-sol", "openai"), ("gpt-5.6-sol", "azure"), ("gpt-5.6-sol", "aws-mantle"), ("gpt-5.6-terra", "openai"),
            ("gpt-5.6-terra", "azure"), ("gpt-5.6-terra", "aws-mantle"), ("gpt-5.6-luna", "openai"), ("gpt-5.6-luna", "azure"),
            ("gpt-5.6-luna", "aws-mantle"), ("qwen-plus", "alibaba"), ("qwen-plus-latest", "alibaba"),
            ("qwen3.6-plus", "alibaba"), ("qwen3.6-flash", "alibaba"), ("qwen3.7-max", "alibaba"), ("qwen3.7-plus", "alibaba"),
            ("qwen3.7-flash", "alibaba"), ("qwen3.8-max", "alibaba"), ("qwen3-coder-flash", "alibaba"),
            ("qwen3-vl-plus", "alibaba"),
        ])
    func whatIsWrittenToACacheCostsAQuarterMore(model: String, provider: String) throws {
        for tier in try mapping(model, at: provider).prices.tiers {
            #expect(4 * tier.cacheWrite.rawValue == 5 * tier.input.rawValue)
        }
        let usage = TokenUsage(promptTokens: 10_000, completionTokens: 0, cacheWriteTokens: 8_000)
        let bill = try mapping(model, at: provider).prices.bill(for: usage)
        #expect(bill.lines.map(\.component) == ["input", "cache_write"] && bill.lines.map(\.quantity) == [2_000, 8_000])
    }

    /// Models that search at every call, which their providers charge by the call.
    @Test(
        arguments: [
            ("gpt-4o-search-preview", "openai", "0.025"), ("gpt-4o-mini-search-preview", "openai", "0.025"),
            ("sonar", "perplexity", "0.005"), ("sonar-pro", "perplexity", "0.006"),
            ("sonar-reasoning-pro", "perplexity", "0.006"),
        ])
    func modelsThatSearchCostSomethingACall(model: String, provider: String, price: String) throws {
        #expect(try mapping(model, at: provider).prices.request == (try PicoDollars(decimalPerUnit: price)))
    }

    /// What is said to keep to a schema is what a public document says so of; the request of any other is refused before it is sent.
    @Test(
        arguments: [
            ("claude-haiku-4-5", "aws-bedrock", true), ("claude-sonnet-4-5", "aws-bedrock", true),
            ("claude-sonnet-4-6", "aws-bedrock", true), ("claude-opus-4-5-20251101", "aws-bedrock", true),
            ("claude-opus-4-6", "aws-bedrock", true), ("claude-opus-4-7", "aws-bedrock", false),
            ("grok-4-6", "aws-bedrock", false),
            ("grok-4-3", "xai", true), ("grok-4-6", "vertex-openai", true), ("mistral-large-latest", "mistral", true),
            ("gpt-oss-120b", "groq", true), ("gpt-oss-120b", "cerebras", true), ("gpt-oss-120b", "together-ai", true),
            ("gpt-oss-20b", "together-ai", false), ("kimi-k3", "fireworks", true), ("sonar-pro", "perplexity", true),
            ("deepseek-v3.2", "deepinfra", true), ("gemma-4-31b-it", "deepinfra", false), ("glm-4.6", "novita", true),
            ("qwen-plus", "alibaba", true), ("qwen-max", "alibaba", false), ("deepseek-v4-pro", "deepseek", false),
            ("kimi-k2.6", "moonshot", false),
        ])
    func whoKeepsToASchema(model: String, provider: String, keeps: Bool) throws {
        #expect(try mapping(model, at: provider).capabilities.jsonSchema == keeps)
    }
}
