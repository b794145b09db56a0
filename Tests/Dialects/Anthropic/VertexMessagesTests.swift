import Catalogue
import JSON
import Testing

@testable import Dialects

/// Anthropic's Messages at Vertex AI: the model stands in the path, and the version in the body.
@Suite struct VertexMessagesTests {
    private static let account = Provider.Account(
        baseURL: "https://x.test", apiKey: "ya29.token", options: ["project": "acme-1", "region": "us-east5"], isToken: true)
    private static let place = "/v1/projects/acme-1/locations/us-east5/publishers/anthropic/models/claude-sonnet-5"

    private static func headers(_ request: any ForeignRequest) -> [String] {
        let call = ProviderCall(account: account, url: "https://x.test", body: [], time: 0)
        return request.headers(of: call).map { "\($0.0): \($0.1)" }
    }

    @Test func theClientsBytesStayButForTheModel() throws {
        let body = #"{ "max_tokens": 9, "model" :"m" , "messages":[{"role":"user","content":"\"model\":"}]}"#
        let native = NativeMessages(try MessagesTranslation(Array(body.utf8)), isVertex: true)
        let sent = try native.body(model: "claude-sonnet-5", maximumTokens: 9)
        let version = #""anthropic_version":"vertex-2023-10-16""#
        #expect(String(decoding: sent, as: UTF8.self) == body.replacing(#""model" :"m""#, with: version))
        #expect(native.path(model: "claude-sonnet-5", at: Self.account) == Self.place + ":rawPredict")
        #expect(Self.headers(native) == ["authorization: Bearer ya29.token"])
    }

    @Test func aStreamIsAskedElsewhere() throws {
        let body = #"{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"x"}]}"#
        let betas = ["context-management-2025-06-27"]
        let native = NativeMessages(try MessagesTranslation(Array(body.utf8), betas: betas), isVertex: true)
        #expect(native.path(model: "claude-sonnet-5", at: Self.account) == Self.place + ":streamRawPredict")
        #expect(Self.headers(native).last == "anthropic-beta: context-management-2025-06-27")
        let sent = try native.body(model: "claude-sonnet-5", maximumTokens: 9)
        let rest = #""stream":true,"max_tokens":9,"messages":[{"role":"user","content":"x"}]}"#
        #expect(String(decoding: sent, as: UTF8.self) == #"{"anthropic_version":"vertex-2023-10-16",\#(rest)"#)
    }

    @Test func betasThatVertexRefusesStayBehind() throws {
        let body = Array(#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}"#.utf8)
        let unknown = "effort-2025-11-24,structured-outputs-2025-11-13,fine-grained-tool-streaming-2025-05-14"
        func sent(_ betas: String, isVertex: Bool) throws -> [String] {
            Self.headers(NativeMessages(try MessagesTranslation(body, betas: [betas]), isVertex: isVertex))
        }
        #expect(
            try sent("\(unknown),interleaved-thinking-2025-05-14", isVertex: true)
                == ["authorization: Bearer ya29.token", "anthropic-beta: interleaved-thinking-2025-05-14"])
        #expect(try sent(unknown, isVertex: true) == ["authorization: Bearer ya29.token"])
        #expect(try sent(unknown, isVertex: false).last == "anthropic-beta: \(unknown)")
    }

    @Test(arguments: [false, true]) func aChatIsTranslated(isStreamed: Bool) throws {
        let chat = #"{"model":"m","stream":\#(isStreamed),"messages":[{"role":"user","content":"x"}]}"#
        let (vertex, own) = (
            try MessagesRequest(try JSONValue(Array(chat.utf8)), thinks: .budget, outputLimit: nil, isVertex: true),
            try MessagesRequest(try JSONValue(Array(chat.utf8)), thinks: .budget, outputLimit: nil)
        )
        let call = isStreamed ? ":streamRawPredict" : ":rawPredict"
        #expect(vertex.path(model: "claude-sonnet-5", at: Self.account) == Self.place + call)
        #expect(own.path(model: "claude-sonnet-5", at: Self.account) == "/v1/messages")
        #expect(Self.headers(vertex) == ["authorization: Bearer ya29.token"])
        let sent = try JSONValue(try vertex.body(model: "claude-sonnet-5", maximumTokens: 9))
        let known = try JSONValue(try own.body(model: "claude-sonnet-5", maximumTokens: 9))
        #expect(sent["model"] == nil && sent["anthropic_version"] == .string("vertex-2023-10-16"))
        #expect(sent.fields?.dropFirst() == known.fields?.dropFirst())
    }

    private static let image = "https://a.test/b.png"
    private static let data = "data:image/png;base64,eA=="

    @Test func aChatsImagesComeAsData() throws {
        let content = #"[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"\#(Self.image)"}}]"#
        let chat = try JSONValue(Array(#"{"messages":[{"role":"user","content":\#(content)}]}"#.utf8))
        let path = "messages[0].content[1].image_url.url"
        let asked = try MessagesRequest(chat, thinks: .budget, outputLimit: nil, isVertex: true)
        #expect(asked.remoteImages == [RemoteImage(url: Self.image, path: path)])
        #expect(asked.imageBounds == RemoteImage.Bounds(count: 100, bytes: 3_932_160))
        let fetched = try asked.with(images: [Self.image: Self.data])
        #expect(fetched.remoteImages.isEmpty)
        #expect(fetched.path(model: "m", at: Self.account) == asked.path(model: "m", at: Self.account))
        let sent = try JSONValue(try fetched.body(model: "m", maximumTokens: 9))
        let source = sent["messages"]?.elements?.first?["content"]?.elements?.last?["source"]
        #expect(source?.string == #"{"type":"base64","media_type":"image/png","data":"eA=="}"#)
        #expect(try MessagesRequest(chat, thinks: .budget, outputLimit: nil).remoteImages.isEmpty)
    }

    @Test func aMessagesImagesComeAsData() throws {
        func body(_ source: String) -> String {
            let image = #"{"type":"image","source":\#(source)}"#
            let result = #"{"type":"tool_result","tool_use_id":"c","content":[\#(image)]}"#
            let call = #"{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}}]}"#
            let messages = #"[{"role":"user","content":[\#(image)]},\#(call),{"role":"user","content":[\#(result)]}]"#
            return #"{"model":"m","max_tokens":9,"messages":\#(messages)}"#
        }
        let translation = try MessagesTranslation(Array(body(#"{"type":"url","url":"\#(Self.image)"}"#).utf8))
        #expect(NativeMessages(translation).remoteImages.isEmpty)
        let asked = NativeMessages(translation, isVertex: true)
        #expect(asked.imageBounds == RemoteImage.Bounds(count: 100, bytes: 3_932_160))
        #expect(
            asked.remoteImages.map(\.path)
                == ["messages[0].content[0].source.url", "messages[2].content[0].content[0].source.url"])
        let sent = try asked.with(images: [Self.image: Self.data]).body(model: "m", maximumTokens: 9)
        let known = body(#"{"type":"base64","media_type":"image/png","data":"eA=="}"#)
        #expect(try JSONValue(sent)["messages"] == JSONValue(Array(known.utf8))["messages"])
    }

    @Test func anAccountWithoutARegionIsAskedAnywhere() throws {
        let chat = try JSONValue(Array(#"{"messages":[{"role":"user","content":"x"}]}"#.utf8))
        let request = try MessagesRequest(chat, thinks: .budget, outputLimit: nil, isVertex: true)
        let account = Provider.Account(baseURL: "https://x.test", apiKey: "{}").opened(by: "t", project: "p")
        #expect(
            request.path(model: "m", at: account) == "/v1/projects/p/locations/global/publishers/anthropic/models/m:rawPredict")
    }
}
