import Catalogue
import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

/// Images that are made: of OpenAI's requests for images, and beside the text of Google's models.
@Suite struct ImagesTests {
    private let pixel = "iVBORw0KGgo="

    private func drawing(_ fields: String) throws -> JSONValue {
        let body = #"{"model":"m","prompt":"A cat"\#(fields.isEmpty ? "" : ",")\#(fields)}"#
        try ImagesRequest.check(Array(body.utf8))
        let request = try GeminiImages(Array(body.utf8), isVertex: false)
        return try JSONValue(try request.body(model: "m", maximumTokens: 100))
    }

    private func chat(_ fields: String) throws -> JSONValue {
        let chat = #"{"model":"m","messages":[{"role":"user","content":"x"}]\#(fields)}"#
        let request = try GeminiRequest(
            try JSONValue(Array(chat.utf8)), thinks: .adaptive, reasons: false, makesImages: true)
        return try JSONValue(try request.body(model: "m", maximumTokens: 100))
    }

    private func run(_ bytes: [UInt8], _ size: () -> Int) -> (output: String, usage: TokenUsage?) {
        let fed = GeminiAnswer(id: "i", created: 1).fed(bytes, size)
        return (String(decoding: fed.output, as: UTF8.self), fed.answer.usage)
    }

    @Test func aRequestForImagesGoesToGoogle() throws {
        #expect(
            try drawing("").string
                == #"{"contents":[{"role":"user","parts":[{"text":"A cat"}]}],"generationConfig":{"maxOutputTokens":100,"responseModalities":["IMAGE"]}}"#
        )
        for (fields, shape) in [
            (#""size":"1536x1024""#, #"{"aspectRatio":"3:2"}"#), (#""size":"1024x1024","n":1"#, #"{"aspectRatio":"1:1"}"#),
            (#""size":"2K","aspect_ratio":"21:9""#, #"{"imageSize":"2K","aspectRatio":"21:9"}"#),
            (#""aspect_ratio":"9:16","quality":"auto","user":"u","response_format":"b64_json""#, #"{"aspectRatio":"9:16"}"#),
        ] {
            #expect(try drawing(fields)["generationConfig"]?["imageConfig"]?.string == shape, "\(fields)")
        }
        #expect(try drawing(#""size":"auto""#)["generationConfig"]?["imageConfig"] == nil)
    }

    @Test(arguments: [
        (#""size":"1792x1024""#, "size"), (#""size":"0x0""#, "size"), (#""size":"99999999999999999999x1""#, "size"),
        (#""size":"1024x1024","aspect_ratio":"1:1""#, "aspect_ratio"), (#""aspect_ratio":"5:1""#, "aspect_ratio"),
        (#""response_format":"url""#, "response_format"), (#""quality":"hd""#, "quality"), (#""style":"vivid""#, "style"),
        (#""background":"transparent""#, "background"), (#""moderation":"low""#, "moderation"),
        (#""output_format":"webp""#, "output_format"), (#""output_compression":50"#, "output_compression"),
        (#""output_compression":101"#, "output_compression"), (#""size":5"#, "size"),
        (#""response_format":"x""#, "response_format"),
        // What may ask for more than was counted.
        (#""sequential_image_generation":"auto""#, "sequential_image_generation"), (#""partial_images":3"#, "partial_images"),
        (#""size":"1K","size":"4K""#, "size"),
    ])
    func whatCannotBeExpressedIsRefusedByName(_ fields: String, _ param: String) {
        let error = #expect(throws: APIError.self) { try drawing(fields) }
        #expect(error?.param == param && error?.status == 400)
    }

    @Test func requestsForImagesAreScanned() throws {
        let body = Array(#"{"model":"m","prompt":"Grüße","n":3,"user":"u","routing":"price","size":"1K"}"#.utf8)
        let scan = try ChatRequestScan(body, of: .image)
        #expect(scan.model == "m" && scan.choices == 3 && scan.textBytes == 7 && scan.messages == 1 && scan.user == "u")
        #expect(scan.outputLimit == nil)
        let sent = scan.applying(RequestEdits(model: "up"), to: body)
        #expect(String(decoding: sent, as: UTF8.self) == #"{"model":"up","prompt":"Grüße","n":3,"user":"u","size":"1K"}"#)
        for (fields, param) in [
            (#""prompt":5"#, "prompt"), (#""n":2"#, "prompt"), (#""prompt":"x","n":11"#, "n"), (#""prompt":"x","n":0"#, "n"),
            (#""prompt":"x","stream":true"#, "stream"), (#""prompt":"x","prompt":"y""#, "prompt"),
        ] {
            let error = #expect(throws: APIError.self) {
                try ChatRequestScan(Array("{\"model\":\"m\",\(fields)}".utf8), of: .image)
            }
            #expect(error?.param == param, "\(fields)")
        }
        let plain = #""model":"m","messages":[{"role":"user","content":"x"}]"#
        #expect(try ChatRequestScan(Array("{\(plain),\"modalities\":[\"text\",\"image\"]}".utf8)).wantsImages)
        #expect(try !ChatRequestScan(Array("{\(plain),\"modalities\":[\"text\"]}".utf8)).wantsImages)
    }

    @Test func imagesGoOnAsTheyCame() throws {
        let body = #"{"created":1,"data":[{"b64_json":"AA=="},{"url":"https://x.test/a.png"},{"revised_prompt":"x"}]}"#
        let scan = try ImagesReply(Array(body.utf8))
        #expect(scan.generatedImages == 2 && scan.usage == nil && scan.estimatedCompletionTokens == 1_290)
        let bill = try Bill(lines: [
            PriceLine(component: "generated_image", quantity: 2, unit: "image", price: PicoDollars(35_000_000_000))
        ])
        let estimate = TokenUsage(promptTokens: 5, completionTokens: 2_580, imageOutputTokens: 2_580, generatedImages: 2)
        let answer = try JSONValue(
            scan.answer(ResponseAdditions(bill: bill, estimatedUsage: estimate), body: Array(body.utf8)))
        #expect(answer["data"] == (try JSONValue(Array(body.utf8)))["data"])
        #expect(answer["usage"]?["cost"] == .number("0.07") && answer["usage"]?["input_tokens"]?.int64 == 5)
        #expect(answer["usage"]?["cost_details"]?["image_output_cost"] == .number("0.07"))

        let counted =
            #"{"data":[{"b64_json":"AA=="}],"usage":{"input_tokens":10,"output_tokens":200,"total_tokens":210,"#
            + #""input_tokens_details":{"text_tokens":10,"image_tokens":0,"cached_tokens":4}}}"#
        let told = try ImagesReply(Array(counted.utf8))
        #expect(
            told.usage == TokenUsage(promptTokens: 10, completionTokens: 200, cachedTokens: 4, imageOutputTokens: 200))
        let priced = try JSONValue(told.answer(ResponseAdditions(bill: bill), body: Array(counted.utf8)))
        #expect(priced["usage"]?["cost"] == .number("0.07") && priced["usage"]?["total_tokens"]?.int64 == 210)
        for wrong in ["[]", "{", "{}", #"{"data":{}}"#] {
            #expect(throws: ChatResponseError.self) { try ImagesReply(Array(wrong.utf8)) }
        }
    }

    @Test func aChatSaysWhatImagesItWants() throws {
        #expect(try chat("")["generationConfig"]?.string == #"{"maxOutputTokens":100,"responseModalities":["TEXT","IMAGE"]}"#)
        let asked = try chat(
            #","modalities":["image"],"image_config":{"aspect_ratio":"16:9","image_size":"4K","image_quality":null}"#)
        #expect(
            asked["generationConfig"]?.string
                == #"{"maxOutputTokens":100,"responseModalities":["IMAGE"],"imageConfig":{"aspectRatio":"16:9","imageSize":"4K"}}"#
        )
        for (config, param) in [
            (#"{"aspect_ratio":"7:1"}"#, "image_config.aspect_ratio"), (#"{"image_size":"8K"}"#, "image_config.image_size"),
            (#"{"seed":1}"#, "image_config.seed"), (#"{"n":"2"}"#, "image_config.n"), (#""x""#, "image_config"),
        ] {
            let error = #expect(throws: APIError.self) { try chat(#","image_config":\#(config)"#) }
            #expect(error?.param == param)
        }
        // A model that makes none can't be told.
        let plain = #"{"messages":[{"role":"user","content":"x"}],"image_config":{"image_size":"1K"}}"#
        let error = #expect(throws: APIError.self) {
            try GeminiRequest(try JSONValue(Array(plain.utf8)), thinks: .adaptive, reasons: false)
        }
        #expect(error?.param == "image_config")
    }

    /// What Google tells of the images of a prompt survives on its way through OpenAI's format; the cached ones are no more than that.
    @Test func tokensOfImagesThatAreGivenAreToldApart() throws {
        let usage =
            #""usageMetadata":{"promptTokenCount":300,"candidatesTokenCount":2,"cachedContentTokenCount":30,"#
            + #""promptTokensDetails":[{"modality":"TEXT","tokenCount":42},{"modality":"IMAGE","tokenCount":258}],"#
            + #""cacheTokensDetails":[{"modality":"IMAGE","tokenCount":20},{"modality":"TEXT","tokenCount":10}]}"#
        let response = #"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],\#(usage)}"#
        let scan = try ChatResponseScan(try GeminiAnswer(id: "i", created: 1).completion(Array(response.utf8)))
        let expected = TokenUsage(promptTokens: 300, completionTokens: 2, cachedTokens: 30, imageInputTokens: 238)
        let streamed = run(Array("data: \(response)\n\n".utf8)) { .max }
        #expect(scan.usage == expected && streamed.usage == expected)
    }

    @Test func imagesOfAnAnswerGoBackWithTheirSignatures() throws {
        let part = #"{"inlineData":{"mimeType":"image/png","data":"\#(pixel)"},"thoughtSignature":"s1"}"#
        let usage =
            #""usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1300,"thoughtsTokenCount":50,"#
            + #""candidatesTokensDetails":[{"modality":"TEXT","tokenCount":10},{"modality":"IMAGE","tokenCount":1290}]}"#
        let draft = #"{"inlineData":{"mimeType":"image/png","data":"AA=="},"thought":true}"#
        let response =
            #"{"candidates":[{"content":{"parts":[\#(draft),{"text":"Here:"},\#(part)]},"finishReason":"STOP"}],\#(usage)}"#
        let completion = try GeminiAnswer(id: "i", created: 1).completion(Array(response.utf8))
        let scan = try ChatResponseScan(completion)
        #expect(scan.images == 1 && scan.estimatedCompletionTokens == 1_290 + 2)
        #expect(
            scan.usage
                == TokenUsage(promptTokens: 9, completionTokens: 1_350, reasoningTokens: 50, imageOutputTokens: 1_290))
        let message = try #require(try JSONValue(completion)["choices"]?.elements?.first?["message"])
        #expect(
            message["images"]?.string
                == #"[{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(pixel)"},"extra_content":{"google":{"thought_signature":"s1"}}}]"#
        )
        // The same as a stream, however it is cut.
        let whole = run(Array("data: \(response)\n\n".utf8)) { .max }
        #expect(whole.usage == scan.usage && whole.output.contains(#""image_tokens":1290"#))
        let delta = whole.output.components(separatedBy: "\n\n").compactMap { event in
            (try? JSONValue(Array(event.dropFirst(6).utf8)))?["choices"]?.elements?.first?["delta"]?["images"]
        }
        #expect(delta == [try #require(message["images"])])
        var random = RandomJSON(seed: TestEnvironment.seed("cuts of a stream with images"))
        for _ in 0..<100 {
            var bytes = Array("data: \(response)\n\n".utf8)
            if random.below(2) == 0 { bytes = random.mutated(bytes) }
            let size = random.below(40) + 1
            #expect(run(bytes) { random.below(size) + 1 }.output == run(bytes) { .max }.output)
        }
        // And back to the model that made it.
        let again = #"{"messages":[{"role":"user","content":"x"},\#(message.string),{"role":"user","content":"Blue!"}]}"#
        let request = try GeminiRequest(
            try JSONValue(Array(again.utf8)), thinks: .adaptive, reasons: false, makesImages: true)
        let body = try JSONValue(try request.body(model: "m", maximumTokens: 9))
        #expect(body["contents"]?.elements?[1]["parts"]?.string == #"[{"text":"Here:"},\#(part)]"#)
        // To others it means nothing, and is not dropped silently.
        let error = #expect(throws: APIError.self) {
            try ResponsesRequest(try JSONValue(Array(again.utf8)), provider: "p", reasons: false)
        }
        #expect(error?.param == "messages[1].images")
    }

    @Test func whereTheTokensOfImagesAreNotToldTheyAreEstimated() throws {
        let response =
            #"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]},"finishReason":"STOP"}],"#
            + #""usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1400}}"#
        let usage = TokenUsage(promptTokens: 9, completionTokens: 1_400, imageOutputTokens: 1_290)
        #expect(try ChatResponseScan(GeminiAnswer(id: "i", created: 1).completion(Array(response.utf8))).usage == usage)
        #expect(run(Array("data: \(response)\n\n".utf8)) { 9 }.usage == usage)
        let images = try GeminiImagesAnswer(created: 1).completion(Array(response.utf8))
        let reply = try ImagesReply(images)
        #expect(reply.usage == usage && reply.generatedImages == 1)
        #expect(try JSONValue(images)["data"]?.string == #"[{"b64_json":"AA=="}]"#)
        // What Google would not draw, or a prompt did not ask for, has no image, and costs what it used.
        for reason in ["IMAGE_SAFETY", "NO_IMAGE", "STOP", "MAX_TOKENS"] {
            let said = #"{"content":{"parts":[{"text":"A cat"}]},"finishReason":"\#(reason)"}"#
            let silent = try GeminiImagesAnswer(created: 1).completion(
                Array(#"{"candidates":[\#(said)],"usageMetadata":{"promptTokenCount":9}}"#.utf8))
            #expect(try ImagesReply(silent).generatedImages == 0 && ImagesReply(silent).usage?.promptTokens == 9)
        }
        #expect(try GeminiImagesAnswer(created: 1).completion(Array(#"{"promptFeedback":{"blockReason":"OTHER"}}"#.utf8)) != [])
        // What has none for no reason is no answer.
        let draft = #"{"inlineData":{"mimeType":"image/png","data":"AA=="},"thought":true}"#
        for silent in [
            "{}", #"{"candidates":[]}"#, #"{"promptFeedback":{}}"#, #"{"candidates":[{"content":{"parts":[\#(draft)]}}]}"#,
        ] {
            #expect(throws: ChatResponseError.self, "\(silent)") {
                try GeminiImagesAnswer(created: 1).completion(Array(silent.utf8))
            }
        }
    }

    // MARK: - Alibaba Cloud

    private func poster(_ fields: String) throws -> JSONValue {
        let body = #"{"model":"m","prompt":"A cat"\#(fields)}"#
        try ImagesRequest.check(Array(body.utf8))
        return try JSONValue(try QwenImages(Array(body.utf8)).body(model: "qwen-image", maximumTokens: 100))
    }

    @Test func aRequestForImagesGoesToAlibaba() throws {
        #expect(
            try poster("").string
                == #"{"model":"qwen-image","input":{"messages":[{"role":"user","content":[{"text":"A cat"}]}]},"parameters":{"n":1,"watermark":false}}"#
        )
        for (fields, size) in [
            (#","size":"1328x1328""#, "1328*1328"), (#","aspect_ratio":"16:9","user":"u""#, "1664*928"),
            (#","aspect_ratio":"9:16","quality":"auto","response_format":"url","n":1"#, "928*1664"),
        ] {
            #expect(try poster(fields)["parameters"]?["size"]?.text == size, "\(fields)")
        }
        #expect(try poster(#","size":"auto""#)["parameters"]?["size"] == nil)
    }

    @Test(arguments: [
        (#","size":"1024x1024""#, "size"), (#","aspect_ratio":"21:9""#, "aspect_ratio"),
        (#","size":"1328x1328","aspect_ratio":"1:1""#, "aspect_ratio"), (#","response_format":"b64_json""#, "response_format"),
        (#","output_format":"webp""#, "output_format"), (#","style":"vivid""#, "style"), (#","moderation":"low""#, "moderation"),
    ])
    func whatAlibabaCanNotBeToldIsNamed(fields: String, param: String) {
        let error = #expect(throws: APIError.self) { try poster(fields) }
        #expect(error?.status == 400 && error?.param == param)
    }

    @Test func anAnswerOfAlibabaIsOneOfImages() throws {
        let answer = QwenImagesAnswer(created: 7)
        let body = #"""
            {"output":{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":[{"image":"https://a.example/1.png"}]}}]},
             "usage":{"image_count":1},"request_id":"r"}
            """#
        let whole = try answer.completion(Array(body.utf8))
        #expect(String(decoding: whole, as: UTF8.self) == #"{"created":7,"data":[{"url":"https://a.example/1.png"}]}"#)
        #expect(try ImagesReply(whole).generatedImages == 1)
        for malformed in [
            "", "[]", "{}", #"{"output":{}}"#, #"{"code":"x","message":"y"}"#, #"{"output":{"choices":[]}}"#,
            #"{"output":{"choices":[{"message":{"content":[{"text":"A cat"}]}}]}}"#,
        ] {
            #expect(throws: ChatResponseError.self) { try answer.completion(Array(malformed.utf8)) }
        }
        let refusal = answer.refusal(status: 400, body: Array(#"{"code":"DataInspectionFailed","message":"No."}"#.utf8))
        #expect(refusal.status == 400 && refusal.message == "No.")
        // An unpaid bill of the house is not the client's fault.
        #expect(answer.refusal(status: 400, body: Array(#"{"code":"Arrearage","message":"Pay."}"#.utf8)).status == 401)
        #expect(answer.refusal(status: 700, body: Array("<html>".utf8)).status == 502)
    }
}
