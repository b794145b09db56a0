import Catalogue
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
}
