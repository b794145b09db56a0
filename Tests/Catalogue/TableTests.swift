import Catalogue
import Foundation
import Money
import TestSupport
import Testing

/// What the table of models has and the catalogue leaves out, by why.
private enum LeftOut {
    static let providers = [
        "names of the gateway itself": ["llmgateway"],
        "resellers that don't say who they are": [
            "avalanche", "glacier", "granite", "iceberg", "permafrost", "quartz", "tundra",
        ],
        "no address is public, and it has but what there is no entrance for": ["atlascloud", "elevenlabs"],
        "images in a format of its own": ["reve"],
    ]

    static let models = [
        "no entrance: video": [
            "grok-imagine-video-1-5", "grok-imagine-video-1-5-preview", "minimax-hailuo-2-3", "seedance-1-5-pro", "seedance-2-0",
            "seedance-2-0-fast", "seedance-2-0-mini", "seedance-2-5", "sora-2", "sora-2-pro", "veo-3.1-fast-generate-preview",
            "veo-3.1-generate-preview", "wan-2-6-t2v",
        ],
        "no entrance: speech": [
            "gemini-2.5-flash-preview-tts", "gemini-2.5-pro-preview-tts", "gemini-3.1-flash-tts-preview", "gpt-4o-mini-tts",
            "qwen-audio-3.0-tts-flash", "qwen-audio-3.0-tts-plus", "tts-1", "tts-1-hd",
        ],
        "no entrance: a conversation as it is spoken": [
            "gemini-2.5-flash-native-audio-preview-12-2025", "gemini-3.1-flash-live-preview", "gpt-realtime", "gpt-realtime-2.1",
            "gpt-realtime-2.1-mini", "gpt-realtime-mini",
        ],
        "no entrance: transcription": ["gpt-4o-mini-transcribe", "gpt-4o-transcribe", "grok-stt-1-0"],
        "no entrance: ranking": ["qwen3-reranker-0.6b", "qwen3-reranker-4b", "qwen3-reranker-8b"],
        "no entrance: reading documents": ["mistral-ocr-latest"],
        "images whose price depends on their size, which the catalogue can't say": [
            "grok-imagine-image-2-0", "qwen-image-3.0", "qwen-image-3.0-pro",
        ],
    ]

    static func why(_ model: String, at provider: String) -> String? {
        (providers.first { $0.value.contains(provider) } ?? models.first { $0.value.contains(model) })?.key
    }
}

/// The catalogue that comes with the gateway against the table that it was made from.
@Suite(.enabled(if: TestEnvironment.shared("facts/models.tsv") != nil, "the table is not there: set LLMGATEWAY_SHARED"))
struct TableTests {
    private func rows() throws -> [[String]] {
        let table = try String(contentsOfFile: try #require(TestEnvironment.shared("facts/models.tsv")), encoding: .utf8)
        return table.split(separator: "\n").dropFirst().map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
    }

    private func catalogue() throws -> Catalogue {
        let files = try Catalogue.paths(folder: TestEnvironment.root + "/Sources/Catalogue/Data", environment: [:])
        return try Catalogue.load(files: files, environment: [:])
    }

    private func mapping(_ row: [String], in catalogue: Catalogue) -> Mapping? {
        catalogue.model(row[0])?.mappings.first { $0.provider == row[3] && $0.upstreamName == row[4] }
    }

    /// A day, or a time of one with fractions of a second.
    private func microseconds(_ text: String) -> Int64? {
        let time = text.count == 10 ? text + "T00:00:00.000Z" : text
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        return (try? style.parse(time)).map { Int64($0.timeIntervalSince1970) * 1_000_000 }
    }

    /// Nothing of the table is missing unseen, and nothing that is there is said to be missing.
    @Test func whatIsLeftOutIsNamed() throws {
        let (rows, catalogue) = (try self.rows(), try self.catalogue())
        for row in rows {
            let why = LeftOut.why(row[0], at: row[3])
            #expect((mapping(row, in: catalogue) == nil) == (why != nil), "\(row[0]) at \(row[3]): \(why ?? "missing")")
        }
        let (models, providers) = (Set(rows.map { $0[0] }), Set(rows.map { $0[3] }))
        #expect(models.isSuperset(of: LeftOut.models.values.joined()))
        #expect(providers.isSuperset(of: LeftOut.providers.values.joined()))
        #expect(LeftOut.providers.values.joined().allSatisfy { catalogue.provider($0) == nil })
    }

    @Test func theDataIsThatOfTheTable() throws {
        let catalogue = try self.catalogue()
        var compared = 0
        for row in try rows() {
            guard let mapping = mapping(row, in: catalogue) else { continue }
            compared += 1
            #expect(mapping.prices.tiers[0].input == (try PicoDollars(decimalPerUnit: row[5])), "\(row[0])")
            #expect(mapping.prices.tiers[0].output == (try PicoDollars(decimalPerUnit: row[6])), "\(row[0])")
            if !row[7].isEmpty {
                #expect(mapping.prices.tiers[0].cachedInput == (try PicoDollars(decimalPerUnit: row[7])), "\(row[0])")
            }
            #expect(mapping.contextSize == Int64(row[9]), "\(row[0])")
            #expect(mapping.deprecatedAt == microseconds(row[16]), "\(row[0])")
            #expect(mapping.deactivatedAt == microseconds(row[17]), "\(row[0])")
            #expect(mapping.capabilities.tools == (row[13] == "true") || mapping.provider == "openai", "\(row[0])")
        }
        #expect(compared > 560)
    }
}
