import Catalogue
import Foundation
import JSON
import Money
import TestSupport
import Testing

/// Makes catalogues from text.
enum Sample {
    static let providers =
        #"[{"id":"acme","name":"Acme","base_url":"https://acme.example/v1/"},{"id":"echo","name":"Echo","dialect":"echo"}]"#

    static func model(_ id: String, _ fields: String = "", mapping: String = "", prices: String = #""input":"1","output":"2""#)
        -> String
    {
        #"{"id":"\#(id)","name":"N","family":"f"\#(fields),"mappings":[{"provider":"acme","model":"up-\#(id)","prices":{\#(prices)},"context_size":1000\#(mapping)}]}"#
    }

    static func load(_ files: [String], _ environment: [String: String] = [:]) throws -> Catalogue {
        try Catalogue.load(
            contents: files.enumerated().map { (path: "file\($0)", bytes: Array($1.utf8)) }, environment: environment)
    }

    static func catalogue(_ models: String..., environment: [String: String] = [:]) throws -> Catalogue {
        try load([#"{"providers":\#(providers),"models":[\#(models.joined(separator: ","))]}"#], environment)
    }

    static func prices(_ fields: String) throws -> Prices {
        try catalogue(model("m", prices: fields)).models[0].mappings[0].prices
    }

    /// The time at which the tests live: 2026-11-24.
    static let now: Int64 = 1_795_478_400_000_000
}

@Suite struct CatalogueTests {
    @Test func loadsTheFilesThatComeWithTheGateway() throws {
        let files = try Catalogue.paths(folder: TestEnvironment.root + "/Sources/Catalogue/Data", environment: [:])
        let catalogue = try Catalogue.load(files: files, environment: [:])
        #expect(catalogue.providers.count == 42)
        let mini = try #require(catalogue.model("gpt-4o-mini")?.mappings.first)
        #expect(mini.prices.tiers[0].input == PicoDollars(150_000))
        #expect(mini.prices.tiers[0].cachedInput == PicoDollars(75_000))
        #expect(mini.outputBound == 16384)
        #expect(mini.imageTokens == .unknown && !mini.takesCustomTools)
        #expect(catalogue.model("gpt-5")?.mappings.allSatisfy(\.takesCustomTools) == true)
        #expect(catalogue.model("echo-free")?.isFree == true)
        #expect(catalogue.model("echo")?.isFree == false)
        #expect(throws: ResolutionError.self) { try catalogue.resolve("o1-mini", at: Sample.now) }
        // What only edits images is told from what makes them of a text as well.
        let edits = try #require(catalogue.model("qwen-image-edit-plus")?.mappings.first)
        #expect(edits.capabilities.imageRequired && edits.capabilities.vision && edits.api == .dashScope)
        #expect(edits.prices.generatedImage == PicoDollars(40_000_000_000))
        let grok = try #require(catalogue.model("grok-imagine-image")?.mappings.first)
        #expect(grok.prices.image == PicoDollars(2_000_000_000) && grok.capabilities.vision && !grok.capabilities.imageRequired)
        #expect(catalogue.provider("openai")?.isUsable == false)
        let accounts = catalogue.providers.filter(\.takesServiceAccounts).map(\.id)
        #expect(accounts == ["google-vertex", "vertex-anthropic", "vertex-openai"])
        #expect(catalogue.provider("echo")?.isUsable == true)
    }

    /// What serves the models of those who call it `reasoning_content` calls it so as well.
    @Test(arguments: ["deepseek", "moonshot", "xai", "vertex-openai", "azure-ai-foundry"])
    func whatWasThoughtHasTheNameThatItHasThere(_ provider: String) throws {
        let files = try Catalogue.paths(folder: TestEnvironment.root + "/Sources/Catalogue/Data", environment: [:])
        let catalogue = try Catalogue.load(files: files, environment: [:])
        #expect(catalogue.provider(provider)?.reasoningField == .reasoningContent)
    }

    @Test func laterFilesWinById() throws {
        let first = #"{"providers":\#(Sample.providers),"models":[\#(Sample.model("a")),\#(Sample.model("b"))]}"#
        let second = #"{"models":[\#(Sample.model("a", #","aliases":["x"]"#)),\#(Sample.model("c"))]}"#
        let catalogue = try Sample.load([first, second])
        #expect(catalogue.models.map(\.id) == ["a", "b", "c"])
        #expect(catalogue.model("x")?.id == "a")
        #expect(catalogue.version != (try Sample.load([first])).version)
        // White space and the order of files' entries of other ids don't change what is merged.
        #expect(catalogue.version == (try Sample.load([first.replacing(",", with: " ,\n"), second])).version)
    }

    @Test(arguments: [
        (#"[]"#, "must be an object"), (#"{"models":[{]}"#, "is not JSON"), (#"{"modles":[]}"#, "modles: is not a field"),
        (#"{"models":{}}"#, "models: must be an array"), (#"{"models":[{"id":"a b"}]}"#, "model a b: id: must have"),
        (#"{"models":[{"id":"a","name":"N","family":"f","mappings":[]}]}"#, "model a: mappings: must have at least one"),
        (#"{"models":[\#(Sample.model("a")),\#(Sample.model("a"))]}"#, "model a: id: stands twice"),
        (#"{"models":[\#(Sample.model("a", #","name":"M""#))]}"#, "model a: name: stands twice"),
        (#"{"models":[\#(Sample.model("a", #","prise":1"#))]}"#, "model a: prise: is not a field"),
        (#"{"models":[\#(Sample.model("a", #","free_limit":"none""#))]}"#, "free_limit: must be one of low, high"),
        (#"{"models":[\#(Sample.model("a"))]}"#, "model a: mappings[0].provider: no provider is called \"acme\""),
        (#"{"models":[\#(Sample.model("a", prices: #""input":"1""#))]}"#, "model a: mappings[0].prices.output: is missing"),
        (#"{"models":[\#(Sample.model("a", prices: #""input":1,"output":"1""#))]}"#, "prices.input: must be a decimal string"),
        (
            #"{"models":[\#(Sample.model("a", prices: #""input":"0.0000001","output":"1""#))]}"#,
            "prices.input: more than 6 decimal"
        ),
        (#"{"models":[\#(Sample.model("a", prices: #""input":"-1","output":"1""#))]}"#, "prices.input: below zero"),
        (
            #"{"models":[\#(Sample.model("a", prices: #""input":"1","output":"1","cached":"0""#))]}"#,
            "prices.cached: is not a field"
        ),
        (#"{"models":[\#(Sample.model("a", prices: #""input":"1","output":"1","discount":"1.1""#))]}"#, "discount: is above 1"),
        (
            #"{"models":[\#(Sample.model("a", prices: #""tiers":[{"input":"1","output":"1","up_to_tokens":9}]"#))]}"#,
            "prices.tiers: must ascend"
        ),
        (#"{"models":[\#(Sample.model("a", mapping: #","max_output":0"#))]}"#, "max_output: must be a whole number"),
        (#"{"models":[\#(Sample.model("a", mapping: #","max_output":1001"#))]}"#, "max_output: is above context_size"),
        (#"{"models":[\#(Sample.model("a", mapping: #","tools":"yes""#))]}"#, "tools: must be true or false"),
        (#"{"models":[\#(Sample.model("a", mapping: #","deactivated_at":"2026-02-29""#))]}"#, "deactivated_at: must be a day"),
        (#"{"models":[\#(Sample.model("a", mapping: #","output_limit_field":"max""#))]}"#, "must be one of"),
        (#"{"models":[\#(Sample.model("a", mapping: #","vision":true,"image_required":true"#))]}"#, "image_required is for"),
        (#"{"providers":[{"id":"A","name":"A","base_url":"https://a"}]}"#, "provider A: id: must have"),
        (
            #"{"providers":[{"id":"a","name":"A","base_url":"https://a","returned_members":"some"}]}"#,
            "returned_members: must be one of all, reasoning, none"
        ),
        (#"{"providers":[{"id":"a","name":"A"}]}"#, "provider a: base_url: is missing"),
        (#"{"providers":[{"id":"a","name":"A","base_url":"ftp://a"}]}"#, "provider a: base_url: must be an http"),
        (#"{"providers":[{"id":"a","name":"A","base_url":"https://u:p@a"}]}"#, "provider a: base_url: must be an http"),
        (
            #"{"providers":[{"id":"a","name":"A","dialect":"smtp","base_url":"https://a"}]}"#,
            "dialect: must be one of openai, anthropic, gemini, vertex, vertex-anthropic, azure, bedrock, echo"
        ),
        (
            #"{"providers":[{"id":"a-b","name":"A","base_url":"https://a"},{"id":"a.b","name":"A","base_url":"https://a"}]}"#,
            "shares its environment variables"
        ),
    ])
    func namesTheFileTheEntryAndTheField(_ text: String, _ message: String) {
        #expect {
            try Sample.load([text])
        } throws: {
            let text = "\($0)"
            return $0 is CatalogueError && text.hasPrefix("file0: ") && text.contains(message)
        }
    }

    @Test func anAliasIsNoOtherModelsName() {
        #expect(throws: CatalogueError.self) {
            try Sample.catalogue(Sample.model("a"), Sample.model("b", #","aliases":["a"]"#))
        }
        #expect(throws: CatalogueError.self) {
            try Sample.catalogue(Sample.model("a", #","aliases":["x"]"#), Sample.model("b", #","aliases":["x"]"#))
        }
    }

    @Test func readsAccountsFromTheEnvironment() throws {
        let catalogue = try Sample.catalogue(
            environment: [
                "LLM_ACME_API_KEY": "k1, k2,k3,", "LLM_ACME_BASE_URL": "http://one:1/v1/,http://two:2",
                "LLM_MY_HOST_API_KEY": "secret", "LLM_MY_HOST_BASE_URL": "http://127.0.0.1:9/v1", "LLM_ALONE_API_KEY": "x",
            ])
        #expect(catalogue.providers.map(\.id) == ["acme", "echo", "my-host"])
        let acme = try #require(catalogue.provider("acme"))
        #expect(acme.baseURL == "https://acme.example/v1")
        #expect(acme.accounts.map(\.apiKey) == ["k1", "k2", "k3"])
        #expect(acme.accounts.map(\.baseURL) == ["http://one:1/v1", "http://two:2", "http://two:2"])
        #expect(catalogue.warnings.count == 1)
        #expect(catalogue.warnings[0].contains("LLM_ALONE_BASE_URL"))
        // A credential never shows.
        #expect(!"\(catalogue.providers)".contains("secret"))
        let shown = String(reflecting: try #require(catalogue.provider("my-host")).accounts)
        #expect(!shown.contains("secret"))
        // The environment's credentials are not part of the version.
        #expect(catalogue.version != (try Sample.catalogue()).version)
        #expect(
            try Sample.catalogue(environment: ["LLM_ACME_API_KEY": "a"]).version == (try Sample.catalogue()).version)
        #expect(throws: CatalogueError.self) { try Sample.catalogue(environment: ["LLM_ACME_API_KEY": "a b"]) }
        #expect(throws: CatalogueError.self) {
            try Sample.catalogue(environment: ["LLM_ACME_API_KEY": "a", "LLM_ACME_BASE_URL": "acme"])
        }
    }

    @Test func resolvesNames() throws {
        let catalogue = try Sample.catalogue(
            Sample.model("a", #","aliases":["first"]"#), Sample.model("x/y"),
            #"{"id":"two","name":"N","family":"f","mappings":[{"provider":"echo","model":"e2","prices":{"input":"0","output":"0"},"context_size":9,"deactivated_at":"2026-11-24"},{"provider":"acme","model":"a2","prices":{"input":"1","output":"1"},"context_size":9,"deactivated_at":"2026-11-25"}]}"#
        )
        let resolved = { (name: String, time: Int64) in
            let resolution = try catalogue.resolve(name, at: time)
            return "\(resolution.requestedProvider ?? "-") \(resolution.model.id) \(resolution.mappings.map(\.provider))"
        }
        #expect(try resolved("a", Sample.now) == "- a [\"acme\"]")
        #expect(try resolved("first", Sample.now) == "- a [\"acme\"]")
        #expect(try resolved("acme/first", Sample.now) == "acme a [\"acme\"]")
        #expect(try resolved("acme/up-a", Sample.now) == "acme a [\"acme\"]")
        #expect(try resolved("x/y", Sample.now) == "- x/y [\"acme\"]")
        #expect(try resolved("acme/x/y", Sample.now) == "acme x/y [\"acme\"]")
        #expect(try resolved("two", Sample.now - 1) == "- two [\"echo\", \"acme\"]")
        #expect(try resolved("two", Sample.now) == "- two [\"acme\"]")
        for (name, code, status) in [
            ("b", ResolutionError.Code.unknownModel, 400), ("up-a", .unknownModel, 400), ("acme/b", .unknownModel, 400),
            ("echo/a", .unknownModel, 400), ("nobody/a", .unknownProvider, 400), ("echo/two", .deactivated, 410),
            ("echo/e2", .deactivated, 410), ("", .unknownModel, 400), ("/", .unknownProvider, 400),
        ] {
            #expect {
                try catalogue.resolve(name, at: Sample.now)
            } throws: {
                let error = $0 as? ResolutionError
                return error?.code == code && error?.status == status
            }
        }
        #expect(throws: ResolutionError.self) { try catalogue.resolve("two", at: Sample.now + 86_400_000_000) }
        #expect {
            try catalogue.resolve("up-a", at: Sample.now)
        } throws: {
            "\($0)".contains("acme/up-a")
        }
    }

    @Test func listsModels() throws {
        let catalogue = try Sample.catalogue(
            Sample.model("a", #","aliases":["first"]"#, mapping: #","vision":true,"tools":true,"max_output":10"#),
            Sample.model("old", mapping: #","deprecated_at":"2026-01-01""#),
            Sample.model("gone", mapping: #","deactivated_at":"2026-01-01""#))
        let ids = { (bytes: [UInt8]) in
            (try JSONValue(bytes)["data"]?.elements ?? []).compactMap { $0["id"]?.text }
        }
        #expect(try ids(catalogue.listing(at: Sample.now)) == ["a", "old"])
        #expect(try ids(catalogue.listing(at: Sample.now, excludeDeprecated: true)) == ["a"])
        #expect(try ids(catalogue.listing(at: Sample.now, includeDeactivated: true)) == ["a", "old", "gone"])
        let item = try #require(try JSONValue(catalogue.listing(at: Sample.now))["data"]?.elements?.first)
        #expect(item["object"]?.text == "model")
        #expect(item["pricing"]?["prompt"]?.text == "0.000001")
        #expect(item["context_length"]?.int64 == 1000)
        #expect(item["architecture"]?["input_modalities"] == .array([.string("text"), .string("image")]))
        #expect(item["providers"]?.elements?.first?["modelName"]?.text == "up-a")
        #expect(item["created"]?.int64 == 1_795_478_400)
        for name in ["a", "first", "acme/a", "acme/first", "acme/up-a"] {
            #expect(try JSONValue(catalogue.listing(of: name, at: Sample.now)) == item, "\(name)")
        }
        #expect(throws: ResolutionError.self) { try catalogue.listing(of: "gone", at: Sample.now) }
        #expect(throws: ResolutionError.self) { try catalogue.listing(of: "nobody/a", at: Sample.now) }
        let gone = try JSONValue(catalogue.listing(of: "gone", at: Sample.now, includeDeactivated: true))
        #expect(gone["id"]?.text == "gone")
    }
}

/// What comes with the gateway, and what another catalogue says differently.
@Suite struct CatalogueDataTests {
    @Test func environmentsAreNamedAsTheDescriptionSays() throws {
        let providers = #"[{"id":"acme","name":"Acme","base_url":"https://acme.example/v1","environment":"AC_ME"}]"#
        let file = #"{"providers":\#(providers),"models":[]}"#
        #expect(try Sample.load([file], ["LLM_AC_ME_API_KEY": "k"]).provider("acme")?.isUsable == true)
        #expect(try Sample.load([file], ["LLM_ACME_API_KEY": "k"]).provider("acme")?.isUsable == false)
        #expect(throws: CatalogueError.self) {
            try Sample.load([#"{"providers":[{"id":"a","name":"A","base_url":"https://a.example","environment":"a-b"}]}"#])
        }
    }

    /// Two providers may be opened by one variable if one of them says so; ids that only look alike may not.
    @Test func aVariableIsSharedOnPurpose() throws {
        let one = #"{"id":"acme","name":"Acme","base_url":"https://acme.example/v1"}"#
        let other = #"{"id":"acme-slow","name":"Acme","base_url":"https://acme.example/v1","environment":"ACME"}"#
        for providers in ["\(one),\(other)", "\(other),\(one)"] {
            let catalogue = try Sample.load([#"{"providers":[\#(providers)]}"#], ["LLM_ACME_API_KEY": "k"])
            #expect(catalogue.providers.map(\.isUsable) == [true, true] && catalogue.warnings.isEmpty)
        }
    }

    @Test func differencesNameWhatChanged() throws {
        let old = try Sample.catalogue(Sample.model("a"), Sample.model("b"), Sample.model("c"))
        let new = try Sample.catalogue(
            Sample.model("a"),
            Sample.model("b", mapping: #","tools":true,"deactivated_at":"2027-01-31""#, prices: #""input":"1.5","output":"2""#),
            Sample.model("d"))
        #expect(old.differences(to: old).isEmpty)
        #expect(
            Set(old.differences(to: new).map(\.description)) == [
                "- model c", "- c at acme", "+ model d", "+ d at acme",
                "~ b at acme: prices.input 1 -> 1.5", "~ b at acme: prices.cached_input 1 -> 1.5",
                "~ b at acme: prices.cache_write 1 -> 1.5", "~ b at acme: costs.input 1 -> 1.5",
                "~ b at acme: costs.cached_input 1 -> 1.5", "~ b at acme: costs.cache_write 1 -> 1.5",
                "~ b at acme: tools false -> true", "~ b at acme: deactivated_at none -> 2027-01-31",
            ])
    }
}
