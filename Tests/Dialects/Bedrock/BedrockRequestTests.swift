import Catalogue
import Foundation
import JSON
import TestSupport
import Testing

@testable import Dialects

@Suite struct BedrockRequestTests {
    private static let claude = BedrockModel(name: "anthropic.claude")
    private static let llama = BedrockModel(name: "meta.llama", keepsSchemas: false)

    private func request(_ chat: String, _ model: BedrockModel = claude) throws -> BedrockRequest {
        try BedrockRequest(try JSONValue(Array(chat.utf8)), model, outputLimit: nil)
    }

    private func translate(_ chat: String, _ model: BedrockModel = claude, limit: Int64 = 5000) throws -> JSONValue {
        try JSONValue(try request(chat, model).body(model: model.name, maximumTokens: limit))
    }

    private func chat(_ fields: String, messages: String = #"{"role":"user","content":"x"}"#) -> String {
        #"{"model":"m","messages":[\#(messages)]\#(fields.isEmpty ? "" : ","+fields)}"#
    }

    @Test(arguments: ["text", "tools", "thinking"])
    func whatBothSidesExpressGoesOver(_ name: String) throws {
        let golden = try Golden.json("\(name).request.json", of: "Bedrock")
        let chat = try #require(golden["chat"])
        _ = try ChatRequestScan(chat.bytes)
        let model = BedrockModel(name: golden["model"]?.text ?? "anthropic.claude")
        let body = try translate(chat.string, model, limit: try #require(chat["max_tokens"]?.int64))
        #expect(body.ordered.string == golden["bedrock"]?.ordered.string)
    }

    @Test func theModelAndTheStreamAreInThePath() throws {
        func path(_ field: String, _ options: [String: String] = [:], _ model: String = "anthropic.claude-v1:0") throws -> String
        {
            try request(chat(field)).path(
                model: model, at: Provider.Account(baseURL: "https://x.test", apiKey: "k", options: options))
        }
        #expect(try path("") == "/model/anthropic.claude-v1%3A0/converse")
        #expect(
            try path(#""stream":true"#, ["region_prefix": "eu."]) == "/model/eu.anthropic.claude-v1%3A0/converse-stream")
        let profile = "arn:aws:bedrock:us-east-1:1:application-inference-profile/a"
        #expect(
            try path("", ["region_prefix": "eu."], profile)
                == "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fa/converse")
    }

    @Test func keysOfBothKindsProveWhoAsks() throws {
        func headers(_ key: String) throws -> [String] {
            let account = Provider.Account(baseURL: "https://x.test", apiKey: key)
            return try request(chat("")).headers(
                of: ProviderCall(account: account, url: "https://x.test/model/m/converse", body: [1], time: 17)
            ).map { "\($0): \($1.prefix(36))" }
        }
        #expect(try headers("ABSK=") == ["authorization: Bearer ABSK="])
        let signed = try headers("AKIA1:secret")
        #expect(signed.first == "authorization: AWS4-HMAC-SHA256 Credential=AKIA1/19" && signed.count == 3)
        #expect(signed[1] == "x-amz-date: 19700101T000017Z")
    }

    @Test(arguments: [
        (#""n":2"#, "n"), (#""seed":1"#, "seed"), (#""logprobs":true"#, "logprobs"), (#""logit_bias":{"5":1}"#, "logit_bias"),
        (#""frequency_penalty":0.5"#, "frequency_penalty"), (#""presence_penalty":1"#, "presence_penalty"),
        (#""temperature":1.5"#, "temperature"), (#""top_p":-1"#, "top_p"), (#""top_k":-1"#, "top_k"), (#""stop":[1]"#, "stop"),
        (#""store":true"#, "store"), (#""verbosity":"low""#, "verbosity"), (#""metadata":{"a":"b"}"#, "metadata"),
        (#""response_format":{"type":"grammar"}"#, "response_format"),
        (#""response_format":{"type":"json_schema"}"#, "response_format.json_schema.schema"),
        (#""reasoning_effort":"extreme""#, "reasoning_effort"), (#""reasoning_effort":"low","temperature":0.5"#, "temperature"),
        (#""tools":[{"type":"custom","custom":{"name":"x"}}]"#, "tools[0].type"),
        (#""tools":[{"type":"function","function":{}}]"#, "tools[0].function.name"),
        (#""tool_choice":"required""#, "tool_choice"),
        (#""tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false"#, "parallel_tool_calls"),
        (#""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools"}"#, "tool_choice"),
        (
            #""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required","reasoning_effort":"low""#,
            "tool_choice"
        ),
    ])
    func whatCannotBeExpressedIsRefusedByName(_ field: String, _ param: String) throws {
        let error = #expect(throws: APIError.self) { try translate(chat(field)) }
        #expect(error?.param == param && error?.status == 400)
    }

    @Test(arguments: [
        (#"{"role":"function","name":"f","content":"x"}"#, "messages[0].role"),
        (#"{"role":"user","name":"Ann","content":"x"}"#, "messages[0].name"),
        (#"{"role":"user","content":1}"#, "messages[0].content"),
        (#"{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}"#, "messages[0].content[0].type"),
        (#"{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}"#, "messages[0].content[0].file.file_data"),
        (
            #"{"role":"user","content":[{"type":"file","file":{"file_data":"data:text/plain;base64,eA=="}}]}"#,
            "messages[0].content[0].file.file_data"
        ),
        (
            #"{"role":"user","content":[{"type":"image_url","image_url":{"url":"ftp://a/b.png"}}]}"#,
            "messages[0].content[0].image_url.url"
        ),
        (
            #"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/bmp;base64,Qk0="}}]}"#,
            "messages[0].content[0].image_url.url"
        ),
        (
            #"{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"[1]"}}]}"#,
            "messages[0].tool_calls[0].function.arguments"
        ),
        (#"{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}"#, "messages[0].tool_calls[0]"),
        (#"{"role":"tool","content":"x"}"#, "messages[0].tool_call_id"), (#"{"role":"system","content":"x"}"#, "messages"),
        (#"{"role":"user","content":""}"#, "messages"),
        (
            #"{"role":"system","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,eA=="}}]}"#,
            "messages[0].content[0]"
        ),
    ])
    func messagesThatCannotBeExpressedAreRefusedByName(_ message: String, _ param: String) throws {
        let error = #expect(throws: APIError.self) { try translate(chat("", messages: message)) }
        #expect(error?.param == param)
    }

    @Test func thinkingIsClaudes() throws {
        let effort = chat(#""reasoning_effort":"medium""#)
        let budget = try translate(effort, limit: 2001)["additionalModelRequestFields"]
        #expect(budget?.string == #"{"thinking":{"type":"enabled","budget_tokens":2000}}"#)
        let less = try translate(effort, limit: 2000)["additionalModelRequestFields"]
        #expect(less?["thinking"]?["budget_tokens"]?.int64 == 1024)
        #expect(try translate(effort, limit: 1024)["additionalModelRequestFields"] == nil)
        let adaptive = BedrockModel(name: "anthropic.claude", thinking: .adaptive)
        #expect(
            try translate(effort, adaptive, limit: 5)["additionalModelRequestFields"]?.string
                == #"{"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"medium"}}"#)
        #expect(#expect(throws: APIError.self) { try translate(effort, Self.llama) }?.param == "reasoning_effort")
        #expect(#expect(throws: APIError.self) { try translate(chat(#""top_k":1"#), Self.llama) }?.param == "top_k")
        #expect(try translate(chat(#""reasoning_effort":"none""#), Self.llama)["additionalModelRequestFields"] == nil)
        let thought =
            #"{"role":"user","content":"x"},{"role":"assistant","content":"y","reasoning_details":[{"type":"reasoning.text","text":"a","signature":"b","format":"anthropic-claude-v1"}]}"#
        #expect(!(try translate(chat("", messages: thought), Self.llama)).string.contains("reasoning"))
    }

    @Test(arguments: [
        (#""auto""#, nil), (#""required""#, #"{"any":{}}"#),
        (#"{"type":"function","function":{"name":"f"}}"#, #"{"tool":{"name":"f"}}"#),
    ])
    func choicesOfTools(_ choice: String, _ expected: String?) throws {
        let tools = #""tools":[{"type":"function","function":{"name":"f","strict":true}}]"#
        let configuration = try translate(chat(#"\#(tools),"tool_choice":\#(choice)"#), Self.llama)["toolConfig"]
        #expect(configuration?["toolChoice"]?.string == expected)
        // A model that keeps to no schema is not told to.
        #expect(configuration?["tools"]?.elements?.first?["toolSpec"]?["strict"] == nil)
    }

    /// Bedrock knows no choice of none, and no conversation about tools that it is not told.
    @Test func toolsThatMustNotBeCalled() throws {
        let tools = #""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none""#
        let body = try translate(chat(tools + #","parallel_tool_calls":false"#))
        #expect(body["toolConfig"] == nil)
        let called =
            #"{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":""}}]},{"role":"tool","tool_call_id":"c","content":"y"}"#
        #expect(#expect(throws: APIError.self) { try translate(chat(tools, messages: called)) }?.param == "tool_choice")
        #expect(#expect(throws: APIError.self) { try translate(chat("", messages: called)) }?.param == "tools")
    }

    /// As `langchain-openai` asks for structured output: nothing but the one function can be called.
    @Test func oneForcedToolIsCalledAlone() throws {
        let one = #"{"type":"function","function":{"name":"f"}}"#
        func choice(_ tools: String, _ choice: String) throws -> JSONValue? {
            let fields = #""tools":[\#(tools)],"tool_choice":\#(choice),"parallel_tool_calls":false"#
            return try translate(chat(fields))["toolConfig"]?["toolChoice"]
        }
        #expect(try choice("\(one),\(one)", one)?.string == #"{"tool":{"name":"f"}}"#)
        #expect(try choice(one, #""required""#)?.string == #"{"any":{}}"#)
        let error = #expect(throws: APIError.self) { try choice("\(one),\(one)", #""required""#) }
        #expect(error?.param == "parallel_tool_calls")
    }

    /// No text makes the translation fail in another way than with a named field.
    @Test func randomBodiesNeverCrash() {
        var random = RandomJSON(seed: TestEnvironment.seed("random bodies to Bedrock"))
        let fields = [
            "messages", "tools", "tool_choice", "stop", "response_format", "reasoning_effort", "temperature", "user",
            "cache_control",
        ]
        for _ in 0..<2000 {
            var text = #"{"model":"m""#
            for field in fields where random.below(2) == 0 { text += #","\#(field)":\#(random.value())"# }
            guard let chat = try? JSONValue(Array((text + "}").utf8)) else { continue }
            do { _ = try BedrockRequest(chat, Self.claude, outputLimit: nil) } catch { #expect(error.status == 400) }
        }
    }
}
