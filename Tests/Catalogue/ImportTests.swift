import Foundation
import JSON
import TestSupport
import Testing

@testable import Catalogue

@Suite struct ImportTests {
    @Test(arguments: [
        ("2.5e-06", "2.5"), ("1e-05", "10"), ("0.0", "0"), ("0", "0"), ("2.8e-08", "0.028"), ("0.000003", "3"),
        ("1.25E-7", "0.125"),
        ("5", "5000000"), ("1e1", "10000000"), ("3.75e-06", "3.75"), ("1.23456789e-06", "1.23456789"), ("00.5e-6", "0.5"),
        ("1e-13", "0.0000001"), ("-1e-06", nil), ("1e-999", nil), ("x", nil), ("", nil), ("1.2.3", nil), ("e5", nil),
        ("1e5e5", nil),
    ])
    func numbersAreShiftedExactly(number: String, text: String?) {
        #expect(DecimalShift.text(number, places: 6) == text)
    }

    private static let base = """
        {"providers": [{"id": "openai", "name": "O", "base_url": "https://a.example"},
            {"id": "google-ai-studio", "name": "G", "base_url": "https://g.example", "dialect": "gemini"},
            {"id": "groq", "name": "Q", "base_url": "https://q.example"}],
         "models": [{"id": "four", "name": "Four", "family": "f", "aliases": ["vier"], "mappings": [
            {"provider": "openai", "model": "gpt-4o", "prices": {"input": "5", "output": "10"}, "context_size": 9, "vision": true},
            {"provider": "groq", "model": "q4", "prices": {"input": "1", "output": "2"}, "context_size": 9},
            {"provider": "openai", "model": "off", "prices": {"input": "1", "output": "2", "discount": "0.5"}, "context_size": 9}]}]}
        """

    private static func take(
        _ list: String, into held: String = base, providers: Set<String> = [], adds: Bool = true
    ) throws -> (made: LiteLLMImport, models: [JSONValue]) {
        let folder = try #require(FileManager.default.temporaryDirectory as URL?).appending(path: UUID().uuidString + ".json")
        try Data(held.utf8).write(to: folder)
        defer { try? FileManager.default.removeItem(at: folder) }
        let made = try LiteLLMImport(
            Array(list.utf8), path: "list", into: [folder.path], providers: providers, adds: adds)
        return (made, try JSONValue(made.file)["models"]?.elements ?? [])
    }

    private static let priced =
        #""mode":"chat","input_cost_per_token":2.5e-06,"output_cost_per_token":1e-05,"max_input_tokens":128000"#

    @Test func ofWhatIsKnownThePricesAloneAreTakenOver() throws {
        let (made, models) = try Self.take(
            """
            {"sample_spec": {"mode": "chat"},
             "gpt-4o": {"litellm_provider":"openai","supports_vision":false,"cache_read_input_token_cost":1.25e-06,\(Self.priced)},
             "off": {"litellm_provider":"openai",\(Self.priced)},
             "groq/q4": {"litellm_provider":"groq","mode":"chat","input_cost_per_token":1e-06,"output_cost_per_token":2e-06}}
            """)
        #expect(made.changed == 1 && made.added == 0 && models.count == 1)
        let mappings = try #require(models.first?["mappings"]?.elements)
        #expect(models.first?["aliases"]?.elements == [.string("vier")])
        #expect(mappings.count == 3)
        #expect(
            try mappings[0]
                == JSONValue(
                    Array(
                        #"{"provider":"openai","model":"gpt-4o","prices":{"input":"2.5","output":"10","cached_input":"1.25"},"#
                            .utf8)
                        + Array(#""context_size":9,"vision":true}"#.utf8)))
    }

    @Test func whatIsNewIsAddedWithTiersAndWhatItCanDo() throws {
        let list = """
            {"gemini/gemini-9": {"litellm_provider":"gemini","max_output_tokens":65536,"supports_vision":true,
                "input_cost_per_token_above_200k_tokens":5e-06,"output_cost_per_token_above_200k_tokens":1.5e-05,
                "cache_read_input_token_cost":2.5e-07,"cache_read_input_token_cost_above_200k_tokens":5e-07,
                "cache_creation_input_token_cost":0.0,"supports_function_calling":true,"deprecation_date":"2027-01-02",
                \(Self.priced)},
             "groq/openai/gpt-oss-9": {"litellm_provider":"groq","supports_native_streaming":false,\(Self.priced)}}
            """
        let (made, models) = try Self.take(list)
        #expect(made.changed == 0 && made.added == 2)
        let google = try #require(models.first?["mappings"]?.elements?.first)
        #expect(models.first?["id"] == .string("gemini-9") && google["model"] == .string("gemini-9"))
        #expect(
            try google["prices"]
                == JSONValue(
                    Array(
                        #"{"tiers":[{"input":"2.5","output":"10","cached_input":"0.25","up_to_tokens":200000},"#.utf8)
                        + Array(#"{"input":"5","output":"15","cached_input":"0.5"}]}"#.utf8)))
        #expect(google["max_output"]?.int64 == 65_536 && google["vision"] == .bool(true) && google["tools"] == .bool(true))
        #expect(google["reasoning"] == nil && google["deactivated_at"] == .string("2027-01-02"))
        let groq = try #require(models.last)
        #expect(groq["id"] == .string("gpt-oss-9") && groq["family"] == .string("openai"))
        #expect(groq["mappings"]?.elements?.first?["model"] == .string("openai/gpt-oss-9"))
        #expect(groq["mappings"]?.elements?.first?["streaming"] == nil)
        #expect(try Self.take(list, adds: false).models.isEmpty)
        #expect(try Self.take(list, providers: ["groq"]).models.count == 1)
        #expect(throws: CatalogueError.self) { try Self.take(list, providers: ["nobody"]) }
    }

    @Test(arguments: [
        // Only the prompt is dearer when it is long.
        (#""input_cost_per_token_above_200k_tokens":5e-06"#, #"{"input":"5","output":"10","cache_write_1h":"4"}"#),
        (
            #""input_cost_per_token_above_200k_tokens":5e-06,"cache_creation_input_token_cost_above_1hr_above_200k_tokens":8e-06"#,
            #"{"input":"5","output":"10","cache_write_1h":"8"}"#
        ),
        // A price that the first tier does not have.
        (
            #""input_cost_per_token_above_200k_tokens":5e-06,"cache_read_input_token_cost_above_200k_tokens":5e-07"#,
            #"{"input":"5","output":"10","cache_write_1h":"4","cached_input":"0.5"}"#
        ),
        // A long prompt is no gift.
        (
            #""input_cost_per_token_above_200k_tokens":0,"output_cost_per_token_above_200k_tokens":2e-05"#,
            #"{"input":"2.5","output":"20","cache_write_1h":"4"}"#
        ),
    ])
    func whatAHigherTierDoesNotNameCostsWhatItCostsBelow(higher: String, prices: String) throws {
        let (_, models) = try Self.take(
            """
            {"new": {"litellm_provider":"openai","cache_creation_input_token_cost_above_1hr":4e-06,\(higher),\(Self.priced)}}
            """)
        let tiers = try #require(models.first?["mappings"]?.elements?.first?["prices"]?["tiers"]?.elements)
        #expect(tiers.count == 2)
        #expect(
            try tiers.first
                == JSONValue(Array(#"{"input":"2.5","output":"10","cache_write_1h":"4","up_to_tokens":200000}"#.utf8)))
        #expect(try tiers.last == JSONValue(Array(prices.utf8)))
    }

    @Test func aPriceOfWhatIsDrawnIsTheHousesOwn() throws {
        let priced = #""mode":"chat","input_cost_per_token":2e-06,"output_cost_per_token":3e-06"#
        let list = """
            {"drawn": {"litellm_provider":"openai",\(priced)}, "made": {"litellm_provider":"openai",\(priced)},
             "plain": {"litellm_provider":"openai",\(priced)}}
            """
        let held = """
            {"providers": [{"id": "openai", "name": "O", "base_url": "https://a.example"}],
             "models": [{"id": "four", "name": "Four", "family": "f", "mappings": [{"provider": "openai", "model": "drawn",
                "prices": {"input": "1", "output": "2", "image_output": "9"}, "context_size": 9, "image_output": true}]},
              {"id": "five", "name": "Five", "family": "f", "kind": "image", "mappings": [{"provider": "openai", "model": "made",
                "prices": {"input": "1", "output": "2", "generated_image": "0.04"}, "context_size": 9, "image_output": true}]},
              {"id": "six", "name": "Six", "family": "f", "mappings": [{"provider": "openai", "model": "plain",
                "prices": {"input": "1", "output": "2"}, "context_size": 9}]}]}
            """
        let (made, models) = try Self.take(list, into: held)
        #expect(made.changed == 1 && models.map { $0["id"] } == [.string("six")])
    }

    @Test func whatCanNotBeMeantIsPassedOverByReason() throws {
        let (made, models) = try Self.take(
            """
            {"a": {"litellm_provider":"elsewhere",\(Self.priced)}, "b": {"litellm_provider":"openai","mode":"image_generation"},
             "c": {"litellm_provider":"openai","mode":"chat","max_input_tokens":5},
             "d": {"litellm_provider":"openai","mode":"chat","input_cost_per_token":0,"output_cost_per_token":0.0},
             "e": {"litellm_provider":"openai","mode":"chat","input_cost_per_token":1e-06,"output_cost_per_token":1e-06},
             "f": {"litellm_provider":"openai","mode":"chat","input_cost_per_token":1e-30,"output_cost_per_token":1,
                "max_input_tokens":5},
             "g h": {"litellm_provider":"openai",\(Self.priced)}, "i": 7}
            """)
        #expect(models.isEmpty)
        let counts = Dictionary(uniqueKeysWithValues: made.passedOver.map { ($0.reason, $0.count) })
        #expect(counts["of a provider that the catalogue does not have"] == 2)
        #expect(counts["no chat models"] == 1 && counts["without a price of tokens"] == 2)
        #expect(counts["without a context size"] == 1 && counts["with figures or names that a catalogue can't hold"] == 2)
    }

    @Test(arguments: ["[]", "{", "7"]) func aListThatIsNoneIsRefused(list: String) {
        #expect(throws: CatalogueError.self) { try Self.take(list) }
    }
}
