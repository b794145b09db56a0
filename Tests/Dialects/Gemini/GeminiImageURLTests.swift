import Catalogue
import JSON
import Testing

@testable import Dialects

/// Images that a request gives by their addresses, for Google.
@Suite struct GeminiImageURLTests {
    private func request(_ url: String, isVertex: Bool = false) throws -> GeminiRequest {
        let content = #"[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"\#(url)"}}]"#
        let chat = #"{"model":"m","messages":[{"role":"user","content":\#(content)}],"reasoning_effort":"low"}"#
        return try GeminiRequest(try JSONValue(Array(chat.utf8)), thinks: .budget, reasons: true, isVertex: isVertex)
    }

    private func body(_ request: any ForeignRequest) throws -> JSONValue {
        try JSONValue(try request.body(model: "m", maximumTokens: 9))
    }

    private func image(_ request: any ForeignRequest) throws -> String? {
        try body(request)["contents"]?.elements?.first?["parts"]?.elements?.last?.string
    }

    @Test(arguments: [
        ("https://a.test/b.png", "png"), ("https://a.test/b.JPG?c=1.gif", "jpeg"), ("https://a.test/b.webp#c", "webp"),
    ])
    func googleFetchesWhatItIsToldTheTypeOf(_ url: String, _ type: String) throws {
        let request = try request(url)
        #expect(request.remoteImages.isEmpty)
        #expect(try image(request) == #"{"fileData":{"mimeType":"image/\#(type)","fileUri":"\#(url)"}}"#)
    }

    @Test(arguments: ["http://a.test/b.png", "https://a.test/b", "https://a.test/b?c=d.png", "https://a.test/b.gif"])
    func othersComeAsData(_ url: String) throws {
        let path = "messages[0].content[1].image_url.url"
        let asked = try request(url, isVertex: true)
        #expect(asked.remoteImages == [RemoteImage(url: url, path: path)])
        let fetched = try asked.with(images: [url: "data:image/png;base64,eA=="])
        #expect(fetched.remoteImages.isEmpty)
        #expect(try image(fetched) == #"{"inlineData":{"mimeType":"image/png","data":"eA=="}}"#)
        // All else is as it was.
        #expect(try body(fetched)["generationConfig"] == body(asked)["generationConfig"])
        let account = Provider.Account(baseURL: "https://x.test", apiKey: "k")
        #expect(fetched.path(model: "m", at: account) == asked.path(model: "m", at: account))
        let error = #expect(throws: APIError.self) { try asked.with(images: [url: "data:image/gif;base64,eA=="]) }
        #expect(error?.param == path)
    }

    @Test func eachOfGooglesServicesHasItsOwnBounds() throws {
        #expect(try request("http://a.test/b", isVertex: true).imageBounds == RemoteImage.Bounds(count: 100, bytes: 7 << 20))
        #expect(try request("http://a.test/b").imageBounds == RemoteImage.Bounds(count: 100, bytes: 20 << 20))
    }

    @Test func aDocumentIsWhatItMustBe() throws {
        let content = #"[{"type":"file","file":{"file_data":"https://a.test/b"}}]"#
        let chat = #"{"model":"m","messages":[{"role":"user","content":\#(content)}]}"#
        let request = try GeminiRequest(try JSONValue(Array(chat.utf8)), thinks: .budget, reasons: false)
        #expect(try image(request) == #"{"fileData":{"mimeType":"application/pdf","fileUri":"https://a.test/b"}}"#)
    }
}
