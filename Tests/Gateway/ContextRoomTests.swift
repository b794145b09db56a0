import Catalogue
import Dialects
import Testing

@testable import Gateway

/// Which of several providers a long prompt may go to.
@Suite struct ContextRoomTests {
    /// A route to each of some providers whose contexts have these sizes.
    private func routes(_ sizes: Int64..., maximumOutput: Int64? = nil) throws -> [Route] {
        let maximum = maximumOutput.map { #""max_output":\#($0),"# } ?? ""
        let providers = sizes.indices.map { #"{"id":"p\#($0)","name":"P","base_url":"https://p.example/v1"}"# }
        let mappings = sizes.enumerated().map {
            #"{"provider":"p\#($0)","model":"m","prices":{"input":"1","output":"2"},"context_size":\#($1),"#
                + maximum + #""streaming":true}"#
        }
        let file =
            #"{"providers":[\#(providers.joined(separator: ","))],"models":[{"id":"m","name":"M","family":"f","mappings":["#
            + mappings.joined(separator: ",") + "]}]}"
        let catalogue = try Catalogue.load(contents: [(path: "file", bytes: Array(file.utf8))], environment: [:])
        let model = try #require(catalogue.model("m"))
        return try model.mappings.map { mapping in
            Route(mapping: mapping, provider: try #require(catalogue.provider(mapping.provider)), promptTokens: 1)
        }
    }

    /// The order in which they are asked for a prompt of so many words of four bytes.
    private func order(_ words: Int, _ fields: String = "", of routes: [Route]) throws -> [String] {
        let text = String(repeating: "one ", count: words)
        let body = #"{"model":"m","messages":[{"role":"user","content":"\#(text)"}]\#(fields)}"#
        return try ChatRequestScan(Array(body.utf8)).roomyFirst(routes).map(\.provider.id)
    }

    @Test func aLongPromptGoesWhereThereIsRoomForItAndTheAnswer() throws {
        let routes = try routes(8_192, 131_072, 1_000_000)
        #expect(try order(100, of: routes) == ["p0", "p1", "p2"])
        #expect(try order(10_000, #","max_tokens":5"#, of: routes) == ["p1", "p2", "p0"])
        #expect(try order(200_000, of: routes) == ["p2", "p0", "p1"])
        // An answer needs room too: what is asked for, or one of ordinary length.
        #expect(try order(4_000, #","max_tokens":4096"#, of: routes) == ["p0", "p1", "p2"])
        #expect(try order(4_200, #","max_completion_tokens":4096"#, of: routes) == ["p1", "p2", "p0"])
        #expect(try order(4_200, of: routes) == ["p1", "p2", "p0"])
        #expect(try order(100, #","max_tokens":200000"#, of: routes) == ["p2", "p0", "p1"])
    }

    /// A model that answers with less than an answer of ordinary length needs no more room than that.
    @Test func anAnswerWithoutABoundIsNoLongerThanTheModelsOwn() throws {
        #expect(try order(4_200, of: try routes(8_192, 131_072)) == ["p1", "p0"])
        #expect(try order(4_200, of: try routes(8_192, 131_072, maximumOutput: 1_024)) == ["p0", "p1"])
    }

    @Test func whereNobodyHasRoomTheOrderStays() throws {
        #expect(try order(200_000, of: try routes(8_192, 131_072)) == ["p0", "p1"])
        #expect(try order(1, #","max_tokens":1000000000"#, of: try routes(8_192, 131_072)) == ["p0", "p1"])
        #expect(try order(200_000, of: try routes(8_192)) == ["p0"])
    }

    /// Texts to embed are read apart from each other.
    @Test func eachTextHasAContextOfItsOwn() throws {
        let routes = try routes(1_000, 8_192)
        func order(_ texts: [Int]) throws -> [String] {
            let texts = texts.map { "\"" + String(repeating: "one ", count: $0) + "\"" }.joined(separator: ",")
            return try ChatRequestScan(Array(#"{"model":"m","input":[\#(texts)]}"#.utf8), of: .embedding).roomyFirst(routes)
                .map(\.provider.id)
        }
        #expect(try order([900, 900, 900]) == ["p0", "p1"])
        #expect(try order([3_000]) == ["p1", "p0"])
    }
}
