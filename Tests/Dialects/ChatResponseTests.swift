import Catalogue
import Dialects
import JSON
import Money
import TestSupport
import Testing

@Suite struct ChatResponseTests {
    private static let answer = #"""
        {"id":"chatcmpl-1","object":"chat.completion","created":1730000000,"model":"gpt-4o-2024","choices":[{"index":0,"message":
        {"role":"assistant","content":"h\u00e9","tool_calls":[{"id":"c","type":"function","function":{"name":"fn","arguments":"{\"a\":1}"}}]},
        "logprobs":null,"finish_reason":"tool_calls"},{"index":1,"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":21,"completion_tokens":64,"total_tokens":85,"prompt_tokens_details":{"cached_tokens":5,"audio_tokens":0},
        "completion_tokens_details":{"reasoning_tokens":7}},"system_fingerprint":"fp"}
        """#

    private static func bill() throws -> Bill {
        try Bill(lines: [
            PriceLine(component: "input", quantity: 16, unit: "token", price: PicoDollars(2_500_000)),
            PriceLine(component: "cached_input", quantity: 5, unit: "token", price: PicoDollars(1_250_000)),
            PriceLine(component: "output", quantity: 57, unit: "token", price: PicoDollars(10_000_000)),
            PriceLine(component: "reasoning", quantity: 7, unit: "token", price: PicoDollars(10_000_000)),
        ])
    }

    private static let metadata = GatewayMetadata(
        requestedModel: "openai/gpt-4o", requestedProvider: "openai", usedModel: "gpt-4o", usedProvider: "openai",
        underlyingUsedModel: "gpt-4o", requestID: "req_1",
        outputLimit: .init(field: .maximumCompletionTokens, tokens: 4096))

    private func usage(_ text: String) throws -> TokenUsage? {
        let scan = try ChatResponseScan(Array(#"{"choices":[],"usage":\#(text)}"#.utf8))
        #expect(scan.hasMalformedUsage == (scan.usage == nil && text != "null"), "\(text)")
        return scan.usage
    }

    @Test func readsAnAnswer() throws {
        let scan = try ChatResponseScan(Array(Self.answer.utf8))
        #expect(scan.id == "chatcmpl-1" && scan.model == "gpt-4o-2024" && scan.created == 1_730_000_000)
        #expect(scan.finishReasons == ["tool_calls", "stop"] && scan.choices == 2)
        #expect(scan.textBytes == 3 + 2 && scan.toolBytes == 2 + 7)
        #expect(
            scan.usage == TokenUsage(promptTokens: 21, completionTokens: 64, cachedTokens: 5, reasoningTokens: 7))
        #expect(scan.error == nil)
    }

    /// Whoever leaves a stream of such a call, or whose provider tells no usage, pays for what it is estimated from.
    @Test func customCallsAreCounted() throws {
        let call = #"{"id":"c","type":"custom","custom":{"name":"patch","input":"*** Begin\nGr\u00fc\u00dfe"}}"#
        let whole = try ChatResponseScan(Array(#"{"choices":[{"message":{"tool_calls":[\#(call)]}}]}"#.utf8))
        #expect(whole.toolBytes == 5 + 10 + 7 && whole.estimatedCompletionTokens == 6)
        var tap = SSETap(includeUsage: false)
        for delta in [#""name":"patch","input":"""#, #""input":"*** Begin""#] {
            let piece = #"{"tool_calls":[{"index":0,"custom":{\#(delta)}}]}"#
            _ = tap.feed(Array("data: {\"choices\":[{\"index\":0,\"delta\":\(piece)}]}\n\n".utf8))
        }
        #expect(tap.toolBytes == 5 + 9 && tap.estimatedCompletionTokens == 2)
    }

    @Test func readsUsage() throws {
        #expect(try usage(#"{"prompt_tokens":1,"completion_tokens":2}"#) == TokenUsage(promptTokens: 1, completionTokens: 2))
        #expect(
            try usage(#"{"completion_tokens":2,"prompt_tokens":1,"total_tokens":3,"prompt_tokens_details":null}"#)
                == TokenUsage(promptTokens: 1, completionTokens: 2))
        // Where the total says that reasoning comes on top, it does.
        #expect(
            try usage(
                #"{"prompt_tokens":1,"completion_tokens":2,"total_tokens":8,"completion_tokens_details":{"reasoning_tokens":5}}"#)
                == TokenUsage(promptTokens: 1, completionTokens: 7, reasoningTokens: 5))
        // As Moonshot tells them.
        #expect(
            try usage(#"{"prompt_tokens":20,"completion_tokens":1,"total_tokens":21,"cached_tokens":12}"#)
                == TokenUsage(promptTokens: 20, completionTokens: 1, cachedTokens: 12))
        #expect(
            try usage(#"{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cache_creation_tokens":4}}"#)
                == TokenUsage(promptTokens: 9, completionTokens: 2, cacheWriteTokens: 4))
        // Images are told apart on either side.
        #expect(
            try usage(
                #"{"prompt_tokens":9,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":1,"image_tokens":7},"completion_tokens_details":{"image_tokens":3}}"#
            )
                == TokenUsage(
                    promptTokens: 9, completionTokens: 5, cachedTokens: 1, imageOutputTokens: 3, imageInputTokens: 7))
        // As OpenAI tells them from GPT-5.6 on.
        #expect(
            try usage(
                #"{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":5,"audio_tokens":0}}"#
            ) == TokenUsage(promptTokens: 9, completionTokens: 2, cachedTokens: 3, cacheWriteTokens: 5))
        // As Alibaba does, in one place or in two, and others beside the details.
        let alibaba = TokenUsage(promptTokens: 9, completionTokens: 2, cacheWriteTokens: 5)
        for told in [
            #""prompt_tokens_details":{"cached_tokens":0,"cache_creation_input_tokens":5}"#,
            #""prompt_tokens_details":{"cache_creation":{"ephemeral_5m_input_tokens":5},"cache_creation_input_tokens":5}"#,
            #""prompt_tokens_details":{"cache_creation_input_tokens":5,"cache_write_tokens":0}"#,
            #""prompt_tokens_details":{"cache_creation":{"ephemeral_5m_input_tokens":5}}"#,
            #""cache_creation_input_tokens":5,"prompt_tokens_details":null"#,
        ] {
            #expect(try usage(#"{"prompt_tokens":9,"completion_tokens":2,\#(told)}"#) == alibaba, "\(told)")
        }
        #expect(
            try usage(
                #"{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3}}}"#
            ) == TokenUsage(promptTokens: 9, completionTokens: 2, cacheWriteTokens: 5, cacheWriteHourTokens: 3))
        #expect(try usage("null") == nil)
        for text in [
            "5", "[]", "{}", #"{"prompt_tokens":1}"#, #"{"prompt_tokens":-1,"completion_tokens":1}"#,
            #"{"prompt_tokens":1.5,"completion_tokens":1}"#, #"{"prompt_tokens":"1","completion_tokens":1}"#,
            #"{"prompt_tokens":99999999999999999999,"completion_tokens":1}"#,
            #"{"prompt_tokens":9999999999999,"completion_tokens":1}"#,
            #"{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":-1}}"#,
            #"{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens_details":{"cache_creation_input_tokens":"1"}}"#,
        ] {
            #expect(try usage(text) == nil, "\(text)")
        }
    }

    @Test(arguments: ["", "null", "[]", "{", #"{"id":1"#, #"{"usage":{"prompt_tokens":1}"#, "<html>", #"{"a":1}x"#])
    func refusesWhatIsNoAnswer(_ text: String) {
        #expect(throws: ChatResponseError.self) { try ChatResponseScan(Array(text.utf8)) }
    }

    @Test func aCompletionHasAChoice() throws {
        #expect(try ChatResponseScan(completion: Array(Self.answer.utf8)).choices == 2)
        #expect(try ChatResponseScan(completion: Array(#"{"error":{"message":"No"}}"#.utf8)).error?.message == "No")
        let usage = #""usage":{"prompt_tokens":1,"completion_tokens":2}"#
        for text in ["{}", #"{"id":"c",\#(usage)}"#, #"{"choices":[],\#(usage)}"#, #"{"choices":null}"#, #"{"error":{}}"#] {
            #expect(throws: ChatResponseError.self) { try ChatResponseScan(completion: Array(text.utf8)) }
            #expect(throws: ChatResponseError.self) { try MessagesReply(Array(text.utf8)) }
            #expect(throws: ChatResponseError.self) { try CompletionsReply(Array(text.utf8)) }
        }
    }

    @Test(arguments: [(.embedding, "data"), (.moderation, "results")] as [(ModelKind, String)])
    func anAnswerAboutInputsHasWhatWasAskedFor(_ kind: ModelKind, _ name: String) throws {
        let usage = #""usage":{"prompt_tokens":1,"total_tokens":1}"#
        let scan = try InputAnswerScan(Array(#"{"\#(name)":[{},[1]],\#(usage)}"#.utf8), of: kind)
        #expect(scan.usage == TokenUsage(promptTokens: 1))
        #expect(try InputAnswerScan(Array(#"{"error":{"message":"No"}}"#.utf8), of: kind).error?.message == "No")
        let other = name == "data" ? "results" : "data"
        for text in [
            "{}", "{\(usage)}", #"{"\#(name)":[],\#(usage)}"#, #"{"\#(name)":null}"#, #"{"\#(name)":{"a":1}}"#,
            #"{"\#(other)":[{}]}"#, #"{"x":{"\#(name)":[{}]}}"#,
        ] {
            #expect(throws: ChatResponseError.self, "\(text)") { try InputAnswerScan(Array(text.utf8), of: kind) }
        }
    }

    @Test func addsMetadataAndCost() throws {
        let body = Array(Self.answer.utf8)
        let scan = try ChatResponseScan(body)
        let additions = ResponseAdditions(metadata: Self.metadata, bill: try Self.bill())
        let added = scan.adding(additions, to: body)
        let text = String(decoding: added, as: UTF8.self)
        let cost =
            #""cost":0.00068625,"cost_details":{"total_cost":0.00068625,"input_cost":0.00004,"output_cost":0.00064,"cached_input_cost":0.00000625,"cache_write_input_cost":0,"request_cost":0,"image_input_cost":0,"image_output_cost":0},"#
        let metadata =
            #""metadata":{"requested_model":"openai/gpt-4o","requested_provider":"openai","used_model":"gpt-4o","used_provider":"openai","underlying_used_model":"gpt-4o","request_id":"req_1","added_parameters":"{\"max_completion_tokens\":4096}"},"#
        #expect(text == "{" + metadata + Self.answer.dropFirst().replacing(#""usage":{"#, with: #""usage":{"# + cost))
        #expect(try ChatResponseScan(added).usage == scan.usage)
        #expect(scan.adding(ResponseAdditions(), to: body) == body)
    }

    @Test func whatAProviderSaysOfCostGivesWay() throws {
        let body = Array(
            #"{"metadata":{"order":"7","used_model":"x"},"usage":{"cost":0.1,"prompt_tokens":1,"completion_tokens":1,"cost_details":null}}"#
                .utf8)
        let scan = try ChatResponseScan(body)
        let added = try JSONValue(
            scan.adding(ResponseAdditions(metadata: Self.metadata, bill: try Self.bill()), to: body))
        #expect(added["usage"]?["cost"] == .number("0.00068625"))
        #expect(added["usage"]?.fields?.filter { $0.name == "cost" }.count == 1)
        #expect(added["usage"]?["cost_details"]?["output_cost"] == .number("0.00064"))
        #expect(added["metadata"]?["order"]?.text == "7")
        #expect(added["metadata"]?["used_model"]?.text == "gpt-4o")
        #expect(added.fields?.filter { $0.name == "metadata" }.count == 1)
    }

    /// Where a request is charged less than its usage comes to, the details still say to what.
    @Test func theCostIsWhatWasCharged() throws {
        let additions = ResponseAdditions(
            bill: try Self.bill(), charged: NanoDollars(5), estimatedUsage: TokenUsage(promptTokens: 1))
        for text in [Self.answer, #"{"id":"a"}"#] {
            let body = Array(text.utf8)
            let usage = try JSONValue(try ChatResponseScan(body).adding(additions, to: body))["usage"]
            #expect(usage?["cost"] == .number("0.000000005"))
            #expect(usage?["cost_details"]?["total_cost"] == .number("0.00068625"))
        }
    }

    @Test func addsEstimatedUsageWhereThereIsNone() throws {
        let estimate = TokenUsage(promptTokens: 3, completionTokens: 4)
        for text in [#"{"id":"a"}"#, #"{"id":"a","usage":null}"#, "{}", #"{"id":"a","usage":{"prompt_tokens":-1}}"#] {
            let body = Array(text.utf8)
            let additions = ResponseAdditions(bill: try Self.bill(), estimatedUsage: estimate)
            let added = try ChatResponseScan(body).adding(additions, to: body)
            #expect(try ChatResponseScan(added).usage == estimate, "\(text)")
            #expect(try JSONValue(added)["usage"]?["cost"] == .number("0.00068625"))
        }
        // A usage that came is not replaced.
        let body = Array(Self.answer.utf8)
        #expect(try ChatResponseScan(body).adding(ResponseAdditions(estimatedUsage: estimate), to: body) == body)
    }

    /// Whatever members an answer has, the additions leave the others as they are, and damage is an error, never a crash.
    @Test func additionsTouchNothingElse() throws {
        let seed = TestEnvironment.seed("answers")
        var random = RandomJSON(seed: seed)
        let additions = ResponseAdditions(metadata: Self.metadata, bill: try Self.bill())
        for round in 0..<1500 {
            var members = [#""x":\#(random.value())"#, #""choices":[\#(random.value()),{"message":\#(random.value())}]"#]
            let usage = #"{"a":\#(random.value()),"prompt_tokens":7,"completion_tokens":\#(random.below(9))}"#
            if random.below(3) > 0 { members.append(#""usage":\#(usage)"#) }
            if random.below(3) == 0 { members.append(#""metadata":\#(random.value(depth: 1))"#) }
            members.shuffle(using: &random.generator)
            let body = Array("{\(members.joined(separator: [",", " ,\n"][random.below(2)]))}".utf8)
            let scan = try ChatResponseScan(body)
            var added = try JSONValue(scan.adding(additions, to: body)).fields ?? []
            added.removeAll { $0.name == "metadata" }
            if let index = added.firstIndex(where: { $0.name == "usage" }) {
                added[index].value = .object((added[index].value.fields ?? []).filter { !$0.name.hasPrefix("cost") })
            }
            let expected = (try JSONValue(body).fields ?? []).filter { $0.name != "metadata" }
            #expect(added == expected, "round \(round)")
            let damaged = random.mutated(body)
            if let scan = try? ChatResponseScan(damaged) {
                #expect((try? JSONValue(scan.adding(additions, to: damaged))) != nil, "round \(round)")
            } else {
                #expect((try? JSONValue(damaged))?.fields == nil)
            }
        }
    }
}

@Suite struct ErrorTests {
    @Test func followsTheTableOfStatuses() {
        let codes = [400, 401, 402, 403, 404, 408, 410, 413, 415, 429, 499, 500, 502, 503, 504, 529].map {
            "\($0) \(APIError(status: $0, message: "m").type) \(APIError(status: $0, message: "m").code)"
        }
        #expect(
            codes == [
                "400 invalid_request_error invalid_request_error", "401 invalid_api_key invalid_api_key",
                "402 billing_error billing_error", "403 permission_denied permission_denied", "404 not_found not_found",
                "408 timeout_error timeout", "410 invalid_request_error gone", "413 request_too_large request_too_large",
                "415 unsupported_media_type unsupported_media_type", "429 rate_limit_error rate_limit_exceeded",
                "499 request_cancelled request_cancelled", "500 api_error api_error", "502 api_error api_error",
                "503 api_error api_error", "504 timeout_error timeout", "529 overloaded overloaded",
            ])
    }

    @Test func writesTheEnvelope() {
        let error = APIError.invalid("n", "bad \"n\"")
        #expect(
            String(decoding: error.json, as: UTF8.self)
                == #"{"error":{"message":"bad \"n\"","type":"invalid_request_error","param":"n","code":"invalid_parameters"}}"#)
        #expect(String(decoding: error.event, as: UTF8.self).hasPrefix(#"data: {"error":"#))
        #expect(String(decoding: error.event, as: UTF8.self).hasSuffix("\n\n"))
    }

    @Test func passesOnWhatAProviderSays() {
        let said = { (status: Int, body: String) in APIError.upstream(status: status, body: Array(body.utf8), provider: "acme") }
        let full = said(400, #"{"error":{"message":"too long","type":"t","param":"messages","code":"c"}}"#)
        #expect(full == APIError(status: 400, message: "too long", param: "messages", code: "c", type: "t"))
        #expect(said(429, #"{"error":{"message":"slow"}}"#).code == "rate_limit_exceeded")
        #expect(said(500, #"{"error":"broken"}"#).message == "broken")
        #expect(said(503, "<html>").code == "upstream_error")
        #expect(said(400, "<html>") == APIError(status: 400, message: "acme answered with status 400"))
        #expect(said(503, "<html>").message == "acme answered with status 503")
        #expect(said(200, "").status == 502)
        for (body, message) in [
            (#"[{"error":{"message":"too long"}}]"#, "too long"), (#"{"object":"error","message":"too long"}"#, "too long"),
            (#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","msg":"too much"}]}}"#, "too much"),
            (#"{"detail":"too long"}"#, "too long"), (#"{"detail":[{"loc":["body"],"msg":"too much"}]}"#, "too much"),
            (#"{"detail":{"message":"too long"}}"#, "too long"), (#"{"error":null,"message":"too long"}"#, "too long"),
            (#"{"detail":[]}"#, "acme answered with status 422"), (#"{"title":"no"}"#, "acme answered with status 422"),
        ] { #expect(said(422, body) == APIError(status: 422, message: message), "\(body)") }
        #expect(
            said(400, #"{"object":"error","message":"m","type":"t","param":"p","code":1}"#)
                == APIError(
                    status: 400, message: "m", param: "p", code: "1", type: "t"))
        // What a provider says about the gateway's credentials may hold a part of them.
        let refused = said(401, #"{"error":{"message":"Incorrect API key provided: sk-abc***xyz"}}"#)
        #expect(refused.status == 401 && refused.code == "gateway_error" && !refused.message.contains("sk-"))
        // The code tells it where the status does not.
        for (status, code) in [(400, "invalid_api_key"), (429, "insufficient_quota"), (302, "account_deactivated")] {
            let refused = said(status, #"{"error":{"message":"Org org-x has no key sk-abc","code":"\#(code)"}}"#)
            #expect(
                refused.status == 401 && refused.code == "gateway_error"
                    && refused.message == "acme refused the gateway's request (401)")
        }
    }

    @Test func unifiesFinishReasons() {
        let words = ["stop", "length", "content_filter", "tool_calls", "function_call", nil, "new"].map {
            UnifiedFinishReason(finishReason: $0).rawValue
        }
        #expect(words == ["completed", "length_limit", "content_filter", "tool_calls", "tool_calls", "unknown", "unknown"])
    }
}
