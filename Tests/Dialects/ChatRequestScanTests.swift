import Catalogue
import Dialects
import Foundation
import JSON
import NIOCore
import TestSupport
import Testing

/// Makes requests from text.
enum Body {
    static let messages = #""messages":[{"role":"user","content":"hi"}]"#

    static func with(_ fields: String, messages: String = Body.messages) -> [UInt8] {
        Array(#"{"model":"m",\#(messages)\#(fields.isEmpty ? "" : ",")\#(fields)}"#.utf8)
    }

    static func error(_ body: [UInt8]) -> APIError? {
        do throws(APIError) {
            _ = try ChatRequestScan(body)
            return nil
        } catch {
            return error
        }
    }
}

@Suite struct ChatRequestScanTests {
    @Test func readsWhatTheGatewayNeeds() throws {
        let scan = try ChatRequestScan(
            Array(
                #"""
                 {"temperature": 0.5, "model": "gpt-4o\u002dmini", "stream": true, "max_tokens": 10, "max_completion_tokens": 20,
                  "n": 3, "user": "Zoë", "stream_options": {"x": 1, "include_usage": true}, "seed": 1.5e3,
                  "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
                  "response_format": {"type": "json_object"}, "parallel_tool_calls": true, "reasoning_effort": "low",
                  "messages": [
                    {"role": "system", "content": "abc"},
                    {"role": "user", "content": [{"type": "text", "text": "é\u00e9"},
                      {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                      {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]},
                    {"role": "assistant", "content": null, "tool_calls": []}]}
                """#.utf8))
        #expect(scan.model == "gpt-4o-mini")
        #expect(scan.stream && scan.includeUsage && scan.hasTools && scan.wantsParallelToolCalls && scan.hasReasoningEffort)
        #expect(scan.maximumTokens == 10 && scan.maximumCompletionTokens == 20 && scan.outputLimit == 20)
        #expect(scan.choices == 3)
        #expect(scan.user == "Zoë")
        #expect(scan.responseFormat == .jsonObject)
        #expect(scan.messages == 3)
        #expect(scan.textBytes == 3 + 4 + 2)
        #expect(scan.lowDetailImages == 1 && scan.otherImages == 1)
        #expect(scan.definitionBytes > 80)
    }

    @Test func nullsAreAbsent() throws {
        let scan = try ChatRequestScan(
            Body.with(
                #""max_tokens":null,"max_completion_tokens":null,"n":null,"stream":null,"stream_options":null,"user":null,"tools":null,"response_format":null,"service_tier":null,"modalities":null,"audio":null,"prediction":null,"web_search_options":null,"enable_search":null,"search_options":null,"search_parameters":null,"web_search":null,"plugins":null,"deferred":null,"enable_thinking":null,"parallel_tool_calls":null,"reasoning_effort":null"#
            ))
        #expect(scan.outputLimit == nil && scan.choices == 1 && !scan.stream && !scan.hasTools && scan.user == nil)
        #expect(!scan.wantsThinking)
        #expect(scan.responseFormat == .text && scan.definitionBytes == 0 && scan.predictionBytes == 0)
    }

    @Test(
        arguments: [
            ("", nil, "invalid_json"), ("{", nil, "invalid_json"), ("[]", nil, "invalid_parameters"), ("[", nil, "invalid_json"),
            ("{}", "model", "invalid_parameters"), (#"{"model":"m"}"#, "messages", "invalid_parameters"),
            (#"{"model":"m","messages":[]}"#, "messages", "invalid_parameters"),
            (#"{"model":"m","messages":{}}"#, "messages", "invalid_parameters"),
            (#"{"model":"m","messages":[1]}"#, "messages[0]", "invalid_parameters"),
            (#"{"model":"m","messages":[{"content":"a"}]}"#, "messages[0].role", "invalid_parameters"),
            (#"{"model":"m","messages":[{"role":"user"},{"role":1}]}"#, "messages[1].role", "invalid_parameters"),
            (#"{"model":"m","messages":[{"role":"","content":"a"}]}"#, "messages[0].role", "invalid_parameters"),
            (#"{"model":"m","messages":[{"role":"user","content":5}]}"#, "messages[0].content", "invalid_parameters"),
            (#"{"model":"m","messages":[{"role":"user","content":["a"]}]}"#, "messages[0].content[0]", "invalid_parameters"),
            (
                #"{"model":"m","messages":[{"role":"user","content":[{"text":"a"}]}]}"#, "messages[0].content[0].type",
                "invalid_parameters"
            ),
            (
                #"{"model":"m","messages":[{"role":"user","content":[{"type":"video_url"}]}]}"#, "messages[0].content[0].type",
                "invalid_parameters"
            ),
            (
                #"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":"x"}]}]}"#,
                "messages[0].content[0].image_url", "invalid_parameters"
            ),
            (#"{"model":7,"messages":[]}"#, "model", "invalid_parameters"),
            (#"{"model":"","messages":[]}"#, "model", "invalid_parameters"),
        ] as [(String, String?, String)])
    func refusesWrongShapes(_ text: String, _ param: String?, _ code: String) throws {
        let error = try #require(Body.error(Array(text.utf8)))
        #expect(error.status == 400 && error.type == "invalid_request_error")
        #expect(error.param == param)
        #expect(error.code == code)
    }

    @Test(arguments: [
        (#""max_tokens":-1"#, "max_tokens"), (#""max_tokens":0"#, "max_tokens"), (#""max_tokens":"5""#, "max_tokens"),
        (#""max_tokens":1.5"#, "max_tokens"), (#""max_tokens":1e2"#, "max_tokens"),
        (#""max_tokens":99999999999999999999"#, "max_tokens"),
        (#""max_completion_tokens":-5"#, "max_completion_tokens"), (#""max_completion_tokens":true"#, "max_completion_tokens"),
        (#""n":0"#, "n"), (#""n":129"#, "n"), (#""n":[]"#, "n"), (#""stream":"true""#, "stream"), (#""stream":1"#, "stream"),
        (#""stream_options":true"#, "stream_options"), (#""stream_options":{"include_usage":1}"#, "stream_options.include_usage"),
        (#""user":5"#, "user"), (#""tools":{}"#, "tools"), (#""tools":[5]"#, "tools[0]"),
        (#""tools":[{"type":"function"},{"type":"web_search"}]"#, "tools[1].type"),
        (#""response_format":"json""#, "response_format"),
        (#""response_format":{"type":"xml"}"#, "response_format.type"), (#""response_format":{}"#, "response_format.type"),
        (#""service_tier":"priority""#, "service_tier"), (#""modalities":["text","audio"]"#, "modalities"),
        (#""audio":{}"#, "audio"), (#""web_search_options":{}"#, "web_search_options"), (#""best_of":2"#, "best_of"),
        (#""enable_search":true"#, "enable_search"), (#""search_options":{}"#, "search_options"),
        (#""search_parameters":{"mode":"on"}"#, "search_parameters"), (#""web_search":{"enable":true}"#, "web_search"),
        (#""web_search":true"#, "web_search"), (#""plugins":[{"id":"web"}]"#, "plugins"), (#""plugins":false"#, "plugins"),
        (#""deferred":true"#, "deferred"), (#""enable_thinking":1"#, "enable_thinking"),
    ])
    func refusesWhatItCannotReadOrPrice(_ fields: String, _ param: String) throws {
        let error = try #require(Body.error(Body.with(fields)), "\(fields)")
        #expect(error.param == param)
        #expect(error.message.contains(param.split(separator: ".").last ?? "") || error.message.contains("tool"))
    }

    /// What asks for nothing that is charged apart goes to the provider as it came.
    @Test func whatIsSwitchedOffPasses() throws {
        let fields = #""enable_search":false,"web_search":false,"deferred":false,"enable_thinking":false"#
        let body = Body.with(fields)
        let scan = try ChatRequestScan(body)
        #expect(!scan.wantsThinking)
        let sent = scan.applying(RequestEdits(model: "x"), to: body)
        #expect(String(decoding: sent, as: UTF8.self).contains(fields))
        #expect(try ChatRequestScan(Body.with(#""enable_thinking":true"#)).wantsThinking)
        let other = try #require(Body.error(Body.with(#""Enable_Search":true"#)))
        #expect(other.param == "Enable_Search")
    }

    /// No effort is none that a model could lack, and one that has none is not told of it.
    @Test func noEffortAsksForNothing() throws {
        for (fields, dropped) in [
            (#""reasoning_effort":"none""#, ""), (#""reasoning_effort" : "none" ,"seed":1"#, #","seed":1"#),
            (#""routing":"price","reasoning_effort":"none","no_reasoning":false,"seed":1"#, #","seed":1"#),
        ] {
            let body = Body.with(fields)
            let scan = try ChatRequestScan(body)
            #expect(!scan.hasReasoningEffort)
            let sent = try JSONValue(scan.applying(RequestEdits(dropsNoEffort: true), to: body))
            #expect(try sent == JSONValue(Array(#"{"model":"m",\#(Body.messages)\#(dropped)}"#.utf8)), "\(fields)")
            #expect(try JSONValue(scan.applying(RequestEdits(), to: body))["reasoning_effort"] == .string("none"))
        }
        let body = Body.with(#""reasoning_effort":"low""#)
        let scan = try ChatRequestScan(body)
        #expect(scan.hasReasoningEffort && scan.applying(RequestEdits(dropsNoEffort: true), to: body) == body)
        let first = Array(#"{ "reasoning_effort":"none" , "model":"m",\#(Body.messages)}"#.utf8)
        let edits = RequestEdits(outputLimit: .init(field: .maximumTokens, tokens: 5), dropsNoEffort: true)
        #expect(
            try JSONValue(ChatRequestScan(first).applying(edits, to: first))
                == JSONValue(Array(#"{"max_tokens":5,"model":"m",\#(Body.messages)}"#.utf8)))
    }

    /// A model that is priced as one that does not think is not made to.
    @Test(arguments: [false, true])
    func onlyModelsThatReasonAreAskedToThink(reasons: Bool) throws {
        let file =
            #"{"providers":[{"id":"p","name":"P","base_url":"https://p.example/v1"}],"models":[{"id":"m","name":"M","#
            + #""family":"f","mappings":[{"provider":"p","model":"up","prices":{"input":"1","output":"1"},"#
            + #""context_size":9,"reasoning":\#(reasons)}]}]}"#
        let mapping = try Catalogue.load(contents: [(path: "f", bytes: Array(file.utf8))], environment: [:]).models[0].mappings[0]
        func error(_ fields: String) throws -> APIError? {
            let body = Body.with(fields)
            let scan = try ChatRequestScan(body)
            do throws(APIError) {
                _ = try Dialect.openai.request(chat: body, scan: scan, mapping: mapping)
                return nil
            } catch {
                return error
            }
        }
        #expect(try error(#""enable_thinking":false"#) == nil)
        #expect(try error(#""enable_thinking":true"#)?.param == (reasons ? nil : "enable_thinking"))
    }

    @Test(arguments: [
        (#""model":"other""#, "model"), (#""messages":[]"#, "messages"), (#""n":1,"n":1"#, "n"), (#""m\u006fdel":"x""#, "m"),
        (#""Model":"x""#, "Model"), (#""STREAM":true"#, "STREAM"), (#""\u006e":5"#, "n"), (#""u\u017fer":"x""#, "uſer"),
        (#""ſtream":true"#, "ſtream"), (#""max_to\u212aens":5"#, "max_to"),
        (#""stream_options":{"include_usage":true,"include_usage":false}"#, "stream_options.include_usage"),
        (#""stream_options":{"Include_Usage":true}"#, "stream_options"),
        (#""response_format":{"type":"text","type":"json_object"}"#, "response_format.type"),
        (#""tools":[{"type":"function","type":"web_search"}]"#, "tools[0].type"),
    ])
    func refusesTwinsAndOtherSpellings(_ fields: String, _ param: String) throws {
        let error = try #require(Body.error(Body.with(fields)), "\(fields)")
        #expect(error.code == "invalid_parameters")
        #expect(error.param?.hasPrefix(param) == true, "\(error)")
    }

    @Test func refusesTwinsInMessages() throws {
        for (message, param) in [
            (#"{"role":"user","role":"system","content":"a"}"#, "messages[0].role"),
            (#"{"role":"user","content":"a","content":"b"}"#, "messages[0].content"),
            (#"{"role":"user","Content":"a"}"#, "messages[0].Content"),
            (#"{"role":"user","content":[{"type":"text","type":"file"}]}"#, "messages[0].content[0].type"),
            (
                #"{"role":"user","content":[{"type":"image_url","image_url":{"detail":"low","detail":"high"}}]}"#,
                "messages[0].content[0].image_url.detail"
            ),
        ] {
            let error = try #require(Body.error(Body.with("", messages: #""messages":[\#(message)]"#)), "\(message)")
            #expect(error.param == param)
        }
        // What is not read may stand twice: it is the provider's matter.
        #expect(Body.error(Body.with(#""seed":1,"seed":2,"Top_p":1"#)) == nil)
    }

    @Test func refusesTextThatCannotBeStoredOrForwarded() throws {
        let in2 = { (text: [UInt8]) in
            Array(#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":""#.utf8) + text
                + Array(#""}]}"#.utf8)
        }
        for text: [UInt8] in [Array(#"a\u0000"#.utf8), [0], [0xFF], [0xC3], Array(#"\ud800"#.utf8), [0xED, 0xA0, 0x80]] {
            let error = try #require(Body.error(in2(text)), "\(text)")
            #expect(error.param == "messages[1].content")
            #expect(error.code == "invalid_parameters")
        }
        #expect(Body.error(in2([0x0A]))?.code == "invalid_json")
        let seed = try #require(Body.error(Body.with(#""metadata":{"a":"\u0000"}"#)))
        #expect(seed.param == "metadata")
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(Body.error(Body.with(#""x":\#(deep)"#))?.param == "x")
        #expect(Body.error(Body.with("") + Array("x".utf8))?.code == "invalid_json")
    }

    @Test func boundsTheNumberOfMessages() throws {
        let messages = { (count: Int) in
            #""messages":["# + Array(repeating: #"{"role":"user","content":"a"}"#, count: count).joined(separator: ",") + "]"
        }
        #expect(Body.error(Body.with("", messages: messages(2048))) == nil)
        #expect(Body.error(Body.with("", messages: messages(10_000)))?.param == "messages")
    }

    @Test func findsAudioAndFiles() throws {
        let part = { (part: String) in
            try ChatRequestScan(
                Body.with("", messages: #""messages":[{"role":"user","content":[{"type":"text","text":"a"},\#(part)]}]"#))
        }
        #expect(
            try part(#"{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}"#).audioPart
                == "messages[0].content[1]")
        #expect(try part(#"{"type":"file","file":{"file_id":"f"}}"#).filePart == "messages[0].content[1]")
        // What a part holds counts whatever its type says.
        #expect(try part(#"{"type":"text","text":"b","input_audio":{"data":"AAAA"}}"#).audioPart == "messages[0].content[1]")
        #expect(try part(#"{"type":"text","text":"b","image_url":{"url":"x"}}"#).otherImages == 1)
    }

    @Test func scansBuffersToo() throws {
        let body = Body.with(#""n":2"#)
        var buffer = ByteBuffer(bytes: [1, 2, 3])
        buffer.writeBytes(body)
        buffer.moveReaderIndex(forwardBy: 3)
        #expect(try ChatRequestScan(buffer) == (try ChatRequestScan(body)))
        let scan = try ChatRequestScan(buffer)
        #expect(scan.applying(RequestEdits(model: "x"), to: buffer) == scan.applying(RequestEdits(model: "x"), to: body))
    }

    @Test func theClientsTextIsNotInItsErrors() throws {
        let error = try #require(Body.error(Body.with(#""user":{"secret":"sesame"}"#)))
        #expect(!"\(error)".contains("sesame"))
    }

    @Test(arguments: [
        (
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"stream_options":{"include_usage":true,"x":1},"stream":true}"#,
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"stream_options":{},"stream":true}"#
        ),
        (
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"stream_options":null}"#,
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"stream_options":null}"#
        ),
        (
            #"{"model":"m","messages":[{"role":"user","content":"x"}]}"#,
            #"{"model":"m","messages":[{"role":"user","content":"x"}]}"#
        ),
    ]) func streamOptionsCanBeCleared(_ body: String, _ cleared: String) throws {
        let bytes = Array(body.utf8)
        let scan = try ChatRequestScan(bytes)
        #expect(scan.applying(RequestEdits(includeUsage: true, clearStreamOptions: true), to: bytes) == Array(cleared.utf8))
    }
}
