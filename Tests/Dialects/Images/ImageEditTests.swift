import Catalogue
import Foundation
import JSON
import TestSupport
import Testing

@testable import Dialects

/// Requests to edit images: as a form and as JSON, for providers of OpenAI's format and for others.
@Suite struct ImageEditTests {
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    private static let pixel = "data:image/png;base64,iVBORw0KGgo="
    private static let photo: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0]
    private let account = Provider.Account(baseURL: "https://x.test", apiKey: "k")

    private func file(_ name: String, _ bytes: [UInt8] = ImageEditTests.png, type: String? = "image/png") -> MultipartForm.Content
    {
        MultipartForm.Content(name: name, filename: "a \"cat\".png", mediaType: type, bytes: bytes[...])
    }

    private func text(_ name: String, _ text: String) -> MultipartForm.Content {
        MultipartForm.Content(name: name, bytes: Array(text.utf8)[...])
    }

    private func form(_ parts: [MultipartForm.Content]) throws -> ImageEdit {
        try ImageEdit(MultipartForm.write(parts, boundary: "b"), contentType: "multipart/form-data; boundary=b")
    }

    private func json(_ fields: String) throws -> ImageEdit {
        try ImageEdit(Array(#"{"model":"m","prompt":"A cat",\#(fields)}"#.utf8), contentType: "application/json")
    }

    private func one(_ fields: String = "") throws -> ImageEdit {
        try json(#""images":[{"image_url":"\#(Self.pixel)"}]\#(fields)"#)
    }

    /// What OpenAI's own format is sent: the headers, and the parts of a form.
    private func sent(_ edit: ImageEdit, isAzure: Bool = false) throws -> (
        [(String, String)], body: [UInt8], parts: [String: [String]]
    ) {
        let request = NativeImageEdit(edit, provider: "p", isAzure: isAzure)
        let body = try request.body(model: "up", maximumTokens: 9)
        let headers = request.headers(of: ProviderCall(account: account, url: "", body: body, time: 0))
        guard let type = headers.first(where: { $0.0 == "content-type" })?.1 else { return (headers, body, [:]) }
        let boundary = try #require(try MultipartForm.boundary(of: type))
        var parts: [String: [String]] = [:]
        for part in try MultipartForm(body, boundary: boundary).parts {
            let content = Data(body[part.content]).base64EncodedString()
            let isFile = part.filename != nil
            parts[part.name, default: []].append(
                isFile
                    ? "\(part.filename ?? "") \(part.mediaType ?? "") \(content)"
                    : String(decoding: body[part.content], as: UTF8.self))
        }
        return (headers, body, parts)
    }

    @Test func aFormGoesOnAsOneWithItsFiles() throws {
        let edit = try form([
            text("model", "m"), file("image[]"), text("prompt", "Grüße"), text("n", "2"), text("size", "1024x1024"),
            text("routing", "price"), file("image[]", Self.photo, type: nil), file("mask"), text("input_fidelity", "high"),
            text("stream", "false"), text("output_compression", "50"),
        ])
        #expect(
            try JSONValue(edit.fields)
                == JSONValue(
                    Array(
                        #"{"model":"m","prompt":"Grüße","n":2,"size":"1024x1024","routing":"price","input_fidelity":"high","stream":false,"output_compression":50}"#
                            .utf8)))
        let scan = try ChatRequestScan(edit)
        #expect(scan.model == "m" && scan.choices == 2 && scan.images == 3 && scan.textBytes == 7 && scan.routing == "price")
        #expect(edit.count == 2)
        let (headers, _, parts) = try sent(edit)
        #expect(headers[0].0 == "authorization" && headers[0].1 == "Bearer k" && headers.count == 2)
        #expect(
            parts == [
                "model": ["up"], "prompt": ["Grüße"], "n": ["2"], "size": ["1024x1024"], "input_fidelity": ["high"],
                "stream": ["false"], "output_compression": ["50"], "mask": ["a %22cat%22.png image/png iVBORw0KGgo="],
                "image[]": ["a %22cat%22.png image/png iVBORw0KGgo=", "a %22cat%22.png image/jpeg /9j/4A=="],
            ])
        // One image keeps its name; of several none stands twice.
        #expect(try sent(form([text("model", "m"), text("prompt", "x"), file("image")])).parts["image"]?.count == 1)
        #expect(try sent(form([text("prompt", "x"), file("image"), file("image")])).parts["image[]"]?.count == 2)
    }

    @Test func jsonGoesOnWithItsOwnBytes() throws {
        let images = #"[ {"image_url":"https://x.test/a.png?b"},{"image_url":"\#(Self.pixel)"} ]"#
        let body =
            #"{ "model" : "m", "images":\#(images), "prompt":"A \u0063at","routing":"price","n":2,"mask":{"image_url":"http://x.test/m.png"},"user":null}"#
        let edit = try ImageEdit(Array(body.utf8), contentType: nil)
        #expect(
            String(decoding: edit.fields, as: UTF8.self)
                == #"{"model":"m","prompt":"A \u0063at","routing":"price","n":2,"user":null}"#)
        let scan = try ChatRequestScan(edit)
        #expect(scan.model == "m" && scan.choices == 2 && scan.images == 3 && scan.textBytes == 5 && edit.count == 2)
        let (headers, given, _) = try sent(edit, isAzure: true)
        #expect(
            String(decoding: given, as: UTF8.self)
                == #"{"model":"up","images":\#(images),"prompt":"A \u0063at","n":2,"mask":{"image_url":"http://x.test/m.png"},"user":null}"#
        )
        #expect(headers.map(\.0) == ["api-key"])
        let azure = NativeImageEdit(edit, provider: "p", isAzure: true)
        #expect(azure.path(model: "up", at: account) == "/openai/v1/images/edits")
        let old = Provider.Account(
            baseURL: "https://x.test", apiKey: "k", options: ["deployment_type": "openai", "api_version": "v"])
        #expect(azure.path(model: "up", at: old) == "/openai/deployments/up/images/edits?api-version=v")
        // A refusal of a provider is told as that of any other.
        let refusal = azure.answer(id: "i", created: 1).refusal(
            status: 400, body: Array(#"{"error":{"message":"No.","param":"mask"}}"#.utf8))
        #expect(refusal.status == 400 && refusal.message == "No." && refusal.param == "mask")
    }

    @Test func equalImagesAreEqualAndOthersAreNot() throws {
        let mask = #","mask":{"image_url":"https://x.test/b"}"#
        let edits = [
            try one(), try json(#""images":[{"image_url":"https://x.test/a"}]"#),
            try json(#""images":[{"image_url":"https://x.test/a"},{"image_url":"https://x.test/b"}]"#),
            try json(#""images":[{"image_url":"https://x.test/b"},{"image_url":"https://x.test/a"}]"#),
            try json(#""images":[{"image_url":"https://x.test/a"}]\#(mask)"#), try form([file("image")]),
            try form([file("image", Self.photo)]), try form([file("image"), file("mask")]),
            try form([file("image"), file("image")]),
        ]
        #expect(Set(edits.map(\.pictures)).count == edits.count)
        #expect(try one().pictures == one(#","n":2"#).pictures)
    }

    @Test(arguments: [
        (#""n":1"#, "images"), (#""images":null"#, "images"), (#""images":[]"#, "images"), (#""images":{}"#, "images"),
        (#""images":["https://x.test/a"]"#, "images[0]"), (#""images":[{}]"#, "images[0].image_url"),
        (#""images":[{"image_url":"https://x.test/a"},{"file_id":"f"}]"#, "images[1].file_id"),
        (#""images":[{"image_url":5}]"#, "images[0].image_url"),
        (#""images":[{"image_url":"ftp://x.test/a"}]"#, "images[0].image_url"),
        (#""images":[{"image_url":"file:///etc/passwd"}]"#, "images[0].image_url"),
        (#""images":[{"image_url":"data:text/plain;base64,AA=="}]"#, "images[0].image_url"),
        (#""images":[{"image_url":"data:image/svg+xml,x"}]"#, "images[0].image_url"),
        (#""images":[{"image_url":"data:image/png;base64,"}]"#, "images[0].image_url"),
        (#""images":[{"image_url":"https://x.test/a","image_url":"https://x.test/b"}]"#, "images[0].image_url"),
        (#""images":[{"image_url":"https://x.test/a"}],"images":[]"#, "images"),
        (#""images":[{"image_url":"https://x.test/a"}],"mask":{"file_id":"f"}"#, "mask.file_id"),
        (#""images":[{"image_url":"https://x.test/a"}],"mask":"x""#, "mask"),
        (#""images":[{"image_url":"https://x.test/a"}],"image":"x""#, "image"),
        (#""images":[{"image_url":"https://x.test/a"}],"style":"vivid""#, "style"),
        (#""images":[{"image_url":"https://x.test/a"}],"partial_images":2"#, "partial_images"),
        (#""images":[{"image_url":"https://x.test/a"}],"\u006e":2"#, "n"),
        (#""images":[{"image_url":"https://x.test/a"}],"n":11"#, "n"),
        (#""images":[{"image_url":"https://x.test/a"}],"stream":true"#, "stream"),
        (#""images":[{"image_url":"https://x.test/a"}],"prompt":"y""#, "prompt"),
        (#""images":[{"image_url":"https://x.test/a"}],"input_fidelity":1"#, "input_fidelity"),
    ])
    func whatIsNotServedInJSONIsNamed(fields: String, param: String) {
        let error = #expect(throws: APIError.self) { try ChatRequestScan(json(fields)) }
        #expect(error?.status == 400 && error?.param == param)
    }

    /// A form that is right but for what is added.
    private func asked(_ parts: MultipartForm.Content...) -> [MultipartForm.Content] {
        [text("model", "m"), text("prompt", "x")] + parts
    }

    @Test func whatIsNotServedInAFormIsNamed() throws {
        let image = file("image")
        let cases: [([MultipartForm.Content], String)] = [
            (asked(), "image"), (asked(file("image", [])), "image"), (asked(file("image", [1], type: "text/plain")), "image"),
            (Array(repeating: file("image[]"), count: 17), "image"), (asked(image, file("mask"), file("mask")), "mask"),
            (asked(image, file("mask", [1], type: nil)), "mask"), (asked(image, text("model", "n")), "model"),
            ([file("model"), text("prompt", "x"), image], "model"), ([text("model", "m"), image], "prompt"),
            ([text("prompt", "x"), image], "model"), (asked(image, text("n", "x")), "n"), (asked(image, text("n", "11")), "n"),
            (asked(image, text("stream", "true")), "stream"), (asked(image, text("partial_images", "1")), "partial_images"),
            (asked(image, text("image_url", "x")), "image_url"), (asked(image, text("style", "x")), "style"),
            (asked(image, MultipartForm.Content(name: "size", bytes: [0xFF])), "size"),
        ]
        for (parts, param) in cases {
            let error = #expect(throws: APIError.self) { try ChatRequestScan(form(parts)) }
            #expect(error?.status == 400 && error?.param == param, "\(param): \(String(describing: error))")
        }
        // An image of a kind that its first bytes do not tell is one if the client says so.
        #expect(try form(asked(file("image", [1], type: "image/heic"))).count == 1)
        #expect(throws: APIError.self) { try ImageEdit(Array("{".utf8), contentType: "application/json") }
        #expect(throws: APIError.self) { try ImageEdit(Array("[]".utf8), contentType: "application/json") }
        #expect(throws: APIError.self) { try ImageEdit([], contentType: "multipart/form-data") }
    }

    // MARK: - Others

    @Test func googleIsGivenTheImagesBesideThePrompt() throws {
        let edit = try form([
            text("model", "m"), text("prompt", "A cat"), file("image[]"), file("image[]", Self.photo), text("size", "2K"),
        ])
        let body = try GeminiImages(edit.fields, edit: edit, isVertex: false).body(model: "m", maximumTokens: 100)
        #expect(
            try JSONValue(body).string
                == #"{"contents":[{"role":"user","parts":[{"text":"A cat"},{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}},{"inlineData":{"mimeType":"image/jpeg","data":"/9j/4A=="}}]}],"generationConfig":{"maxOutputTokens":100,"responseModalities":["IMAGE"],"imageConfig":{"imageSize":"2K"}}}"#
        )
        let linked = try json(#""images":[{"image_url":"https://x.test/a.png"}]"#)
        let parts = try JSONValue(
            try GeminiImages(linked.fields, edit: linked, isVertex: true).body(model: "m", maximumTokens: 1))
        #expect(
            parts["contents"]?.elements?[0]["parts"]?.elements?[1].string
                == #"{"fileData":{"mimeType":"image/png","fileUri":"https://x.test/a.png"}}"#)
        for (edit, param) in [
            (try one(#","mask":{"image_url":"\#(Self.pixel)"}"#), "mask"),
            (try one(#","input_fidelity":"high""#), "input_fidelity"),
            (try json(#""images":[{"image_url":"http://x.test/a.png"}]"#), "images[0].image_url"),
            (try form([text("prompt", "x"), file("image", Array("GIF89a".utf8))]), "image"),
        ] {
            let error = #expect(throws: APIError.self) { try GeminiImages(edit.fields, edit: edit, isVertex: false) }
            #expect(error?.status == 400 && error?.param == param)
        }
    }

    @Test func alibabaIsGivenTheImagesBeforeThePrompt() throws {
        let edit = try json(
            #""images":[{"image_url":"https://x.test/a.png"},{"image_url":"\#(Self.pixel)"}],"n":2,"size":"1024x2048","user":"u""#
        )
        let body = try QwenImages(edit.fields, edit: edit).body(model: "qwen-image-edit-plus", maximumTokens: 1)
        #expect(
            String(decoding: body, as: UTF8.self)
                == #"{"model":"qwen-image-edit-plus","input":{"messages":[{"role":"user","content":[{"image":"https://x.test/a.png"},{"image":"\#(Self.pixel)"},{"text":"A cat"}]}]},"parameters":{"size":"1024*2048","n":2,"watermark":false}}"#
        )
        let several =
            #"{"output":{"choices":[{"message":{"content":[{"image":"https://a.example/1"},{"image":"https://a.example/2"}]}}]}}"#
        #expect(try ImagesReply(QwenImagesAnswer(created: 7).completion(Array(several.utf8))).generatedImages == 2)
        for (fields, param) in [
            (#","n":7"#, "n"), (#","size":"511x1024""#, "size"), (#","size":"1024x2049""#, "size"), (#","size":"1024""#, "size"),
            (#","size":"1024x1024x1024""#, "size"), (#","mask":{"image_url":"\#(Self.pixel)"}"#, "mask"),
            (#","response_format":"b64_json""#, "response_format"), (#","input_fidelity":"low""#, "input_fidelity"),
        ] {
            let edit = try one(fields)
            let error = #expect(throws: APIError.self) { try QwenImages(edit.fields, edit: edit) }
            #expect(error?.status == 400 && error?.param == param, "\(fields)")
        }
        let many = try form([text("prompt", "x")] + (0..<4).map { _ in file("image[]") })
        let error = #expect(throws: APIError.self) { try QwenImages(many.fields, edit: many) }
        #expect(error?.param == "image")
    }

    @Test func xAIAndByteDanceHaveWaysOfTheirOwn() throws {
        func body(_ edit: ImageEdit, _ api: CompletionAPI) throws -> String {
            String(
                decoding: try LinkedImageEdit(edit, api: api, provider: "p").body(model: "up", maximumTokens: 1), as: UTF8.self)
        }
        let single = try one(#","n":2,"user":"u","aspect_ratio":"3:2","response_format":"url","size":"auto""#)
        #expect(
            try body(single, .xAI)
                == #"{"model":"up","prompt":"A cat","response_format":"url","n":2,"user":"u","aspect_ratio":"3:2","image":{"type":"image_url","url":"\#(Self.pixel)"}}"#
        )
        let two = try form([text("prompt", "A cat"), file("image[]"), file("image[]", Self.photo)])
        #expect(
            try body(two, .xAI)
                == #"{"model":"up","prompt":"A cat","images":[{"type":"image_url","url":"\#(Self.pixel)"},{"type":"image_url","url":"data:image/jpeg;base64,/9j/4A=="}]}"#
        )
        #expect(
            try body(two, .modelArk)
                == #"{"model":"up","prompt":"A cat","image":["\#(Self.pixel)","data:image/jpeg;base64,/9j/4A=="],"watermark":false}"#
        )
        #expect(
            try body(one(#","size":"2K","user":"u","n":1"#), .modelArk)
                == #"{"model":"up","prompt":"A cat","size":"2K","image":"\#(Self.pixel)","watermark":false}"#)
        #expect(try LinkedImageEdit(single, api: .xAI, provider: "p").path(model: "up", at: account) == "/images/edits")
        #expect(try LinkedImageEdit(two, api: .modelArk, provider: "p").path(model: "up", at: account) == "/images/generations")
        for (api, fields, param) in [
            (CompletionAPI.xAI, #","size":"1024x1024""#, "size"), (.xAI, #","quality":"high""#, "quality"),
            (.xAI, #","mask":{"image_url":"\#(Self.pixel)"}"#, "mask"), (.xAI, #","output_format":"png""#, "output_format"),
            (.modelArk, #","n":2"#, "n"), (.modelArk, #","aspect_ratio":"1:1""#, "aspect_ratio"),
            (.modelArk, #","mask":{"image_url":"\#(Self.pixel)"}"#, "mask"),
        ] {
            let error = #expect(throws: APIError.self) { try body(one(fields), api) }
            #expect(error?.status == 400 && error?.param == param, "\(fields)")
        }
    }
}
