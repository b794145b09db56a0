import Catalogue
import JSON
import Testing

@testable import Dialects

/// A chat with custom tools for whoever knows functions alone, and what is read of it.
@Suite struct FunctionChatTests {
    private func value(_ text: String) throws -> JSONValue { try JSONValue(Array(text.utf8)) }

    @Test func functionsStandForCustomTools() throws {
        let patch =
            #"{"type":"custom","custom":{"name":"patch","description":"Edits","format":{"type":"grammar","grammar":"#
            + #"{"syntax":"lark","definition":"start: \"x\""}}},"cache_control":{"type":"ephemeral"}}"#
        let plain = #"{"type":"custom","custom":{"name":"say","format":{"type":"text"}}}"#
        let function = #"{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}"#
        let calls =
            #"{"id":"a","type":"custom","custom":{"name":"patch","input":"\"Grüße\"\n"},"extra_content":{"g":1}},"#
            + #"{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}"#
        let results =
            #"{"role":"tool","tool_call_id":"a","content":"done"},{"role":"tool","tool_call_id":"b","content":"1"}"#
        let chat =
            #"{"model":"m","temperature":0.50,"tools":[\#(patch),\#(function),\#(plain)],"#
            + #""tool_choice":{"type":"custom","custom":{"name":"say"}},"messages":[{"role":"user","content":"x"},"#
            + #"{"role":"assistant","content":null,"tool_calls":[\#(calls)]},\#(results),"#
            + #"{"role":"assistant","content":"y","tool_calls":null}],"stream":true}"#
        func standIn(_ description: String) -> String {
            #""parameters":{"type":"object","properties":{"input":{"type":"string","description":"\#(description)"}},"#
                + #""required":["input"],"additionalProperties":false}"#
        }
        let lark = standIn(#"All that the tool is called with, as plain text that this Lark grammar matches:\nstart: \"x\""#)
        let text = standIn("All that the tool is called with, as plain text.")
        let expected =
            #"{"model":"m","temperature":0.50,"tools":["#
            + #"{"type":"function","function":{"name":"patch","description":"Edits",\#(lark)},"cache_control":{"type":"ephemeral"}},"#
            + #"\#(function),{"type":"function","function":{"name":"say",\#(text)}}],"#
            + #""tool_choice":{"type":"function","function":{"name":"say"}},"messages":[{"role":"user","content":"x"},"#
            + #"{"role":"assistant","content":null,"tool_calls":["#
            + #"{"id":"a","type":"function","function":{"name":"patch","arguments":"{\"input\":\"\\\"Grüße\\\"\\n\"}"},"extra_content":{"g":1}},"#
            + #"{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},\#(results),"#
            + #"{"role":"assistant","content":"y","tool_calls":null}],"stream":true}"#
        #expect(try ChatRequestScan(Array(chat.utf8)).hasCustomTools)
        let written = try FunctionChat(Array(chat.utf8))
        #expect(String(decoding: written.body, as: UTF8.self) == expected)
        // What is added for a model to read is counted.
        #expect(!written.scan.hasCustomTools && written.scan.hasTools && written.scan.stream)
        #expect(try written.scan.definitionBytes > ChatRequestScan(Array(chat.utf8)).definitionBytes)
    }

    /// Clients that write every member of a type send the other kind's as null.
    @Test func whatIsNullIsNotSaidTwice() throws {
        let call = #"{"id":"a","type":"custom","custom":{"name":"p","input":"x"},"function":null}"#
        let tool = #"{"type":"custom","custom":{"name":"p"},"function":null}"#
        let chat =
            #"{"model":"m","messages":[{"role":"assistant","tool_calls":[\#(call)]}],"tools":[\#(tool)],"tool_choice":\#(tool)}"#
        let written = try value(String(decoding: try FunctionChat(Array(chat.utf8)).body, as: UTF8.self))
        let asked = written["messages"]?.elements?.first?["tool_calls"]?.elements?.first
        for function in [asked, written["tools"]?.elements?.first, written["tool_choice"]] {
            #expect(function?.fields?.filter { $0.name == "function" }.count == 1)
            #expect(function?["function"]?["name"] == .string("p") && function?["custom"] == nil)
        }
    }

    @Test func thoseThatMayBeCalledAreFunctionsToo() throws {
        let tools =
            #""tools":[{"type":"custom","custom":{"name":"p","format":{"type":"grammar","grammar":{"syntax":"regex","definition":"a+"}}}}]"#
        func allowed(_ type: String) -> String {
            let names = #"{"type":"function","function":{"name":"f"}},{"type":"\#(type)","\#(type)":{"name":"p"}}"#
            return #"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[\#(names)]}}"#
        }
        for (choice, expected) in [(allowed("custom"), allowed("function")), (#""required""#, #""required""#)] {
            let chat = #"{"model":"m","messages":[{"role":"user","content":"x"}],\#(tools),"tool_choice":\#(choice)}"#
            let written = try value(String(decoding: try FunctionChat(Array(chat.utf8)).body, as: UTF8.self))
            #expect(written["tool_choice"]?.string == expected)
            let function = written["tools"]?.elements?.first?["function"]
            let input = function?["parameters"]?["properties"]?["input"]?["description"]?.text
            #expect(input?.hasSuffix("this regular expression matches:\na+") == true)
        }
    }

    @Test(arguments: [
        (#"{"type":"custom"}"#, "tools[1].custom.name"), (#"{"type":"custom","custom":{"name":"f"}}"#, "tools[0].function.name"),
        (#"{"type":"custom","custom":{"name":"x","strict":true}}"#, "tools[1].custom.strict"),
        (#"{"type":"custom","custom":{"name":"x","format":{"type":"json"}}}"#, "tools[1].custom.format.type"),
        (
            #"{"type":"custom","custom":{"name":"x","format":{"type":"grammar","grammar":{"syntax":"lark"}}}}"#,
            "tools[1].custom.format"
        ),
    ])
    func whatIsWrongWithAToolIsNamed(_ tool: String, _ param: String) throws {
        let function = #"{"type":"function","function":{"name":"f"}}"#
        let chat = #"{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[\#(function),\#(tool)]}"#
        let error = #expect(throws: APIError.self) { try FunctionChat(Array(chat.utf8)) }
        #expect(error?.param == param && error?.status == 400)
    }

    /// A request of which nothing must be written anew is told by the look that every request gets.
    @Test(arguments: [
        (#""tools":[{"type":"function","function":{"name":"custom","description":"custom"}}]"#, false),
        (#""tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"p"}}]"#, true),
    ])
    func onlyCustomToolsAreRewritten(_ tools: String, _ isCustom: Bool) throws {
        let chat = #"{"model":"m","messages":[{"role":"user","content":"custom"}],\#(tools)}"#
        #expect(try ChatRequestScan(Array(chat.utf8)).hasCustomTools == isCustom)
        let called = #"{"id":"a","type":"custom","custom":{"name":"p","input":"x"}}"#
        let later =
            #"{"model":"m","messages":[{"role":"assistant","tool_calls":[\#(called)]},{"role":"tool","tool_call_id":"a","content":"1"}]}"#
        #expect(try ChatRequestScan(Array(later.utf8)).hasCustomTools)
    }

    private static func mapping(_ fields: String) throws -> Mapping {
        let file =
            #"{"providers":[{"id":"p","name":"P","base_url":"https://p.example/v1"}],"models":[{"id":"m","#
            + #""name":"M","family":"f","mappings":[{"provider":"p","model":"up","prices":{"input":"1","output":"1"},"#
            + #""context_size":9\#(fields)}]}]}"#
        return try Catalogue.load(contents: [(path: "f", bytes: Array(file.utf8))], environment: [:]).models[0].mappings[0]
    }

    @Test func whoKnowsCustomToolsGetsThem() throws {
        let plain = try Self.mapping("")
        let knowing = try Self.mapping(#","custom_tools":true"#)
        #expect(!Dialect.openai.takesCustomTools(plain) && Dialect.openai.takesCustomTools(knowing))
        #expect(Dialect.azure.takesCustomTools(knowing) && !Dialect.azure.takesCustomTools(plain))
        #expect(Dialect.openai.takesCustomTools(try Self.mapping(#","api":"responses""#)))
        for dialect in [Dialect.anthropic, .gemini, .vertex, .bedrock] { #expect(!dialect.takesCustomTools(plain)) }
        // The built-in provider answers chats as they are.
        #expect(Dialect.echo.takesCustomTools(plain))
    }

    /// Those of other dialects see functions, and theirs is the rest.
    @Test func everyDialectIsToldOfTheFunction() throws {
        let mapping = try Self.mapping(#","tools":true,"streaming":true,"max_output":5"#)
        let chat =
            #"{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_a","#
            + #""type":"custom","custom":{"name":"patch","input":"Grüße"}}]},{"role":"tool","tool_call_id":"call_a","content":"done"}],"#
            + #""tools":[{"type":"custom","custom":{"name":"patch"}}],"tool_choice":{"type":"custom","custom":{"name":"patch"}}}"#
        let written = try FunctionChat(Array(chat.utf8))
        for dialect in [Dialect.anthropic, .gemini, .vertex, .bedrock] {
            let request = try #require(
                try dialect.request(chat: written.body, scan: written.scan, mapping: mapping))
            let body = String(decoding: try request.body(model: "up", maximumTokens: 5), as: UTF8.self)
            #expect(body.contains(#"{"input":"Grüße"}"#) && body.contains(#""required":["input"]"#), "\(dialect)")
            #expect(!body.contains("custom"), "\(dialect)")
        }
        let isSent = try Dialect.openai.request(chat: written.body, scan: written.scan, mapping: mapping) == nil
        #expect(isSent)
    }
}
