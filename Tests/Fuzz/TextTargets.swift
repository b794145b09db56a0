import Catalogue
import Money

@testable import Dialects
@testable import JSON

/// The scanner that passes over a value and the reader that keeps it accept the same; what is written is read back the same.
func fuzzJSON(_ bytes: [UInt8]) throws(Broken) {
    let value = try? JSONValue(bytes)
    var cursor = JSONCursor()
    var isAccepted = false
    do {
        try cursor.skip(bytes.span.bytes, depth: 0)
        try cursor.end(bytes.span.bytes)
        isAccepted = true
    } catch {}
    try require(isAccepted == (value != nil), "the scanner says \(isAccepted), the reader \(value != nil)")
    guard let value else { return }
    let written = value.bytes
    let again = try? JSONValue(written)
    try require(again == value, "what was written is not read back")
    try require(again?.bytes == written, "it is written another way the second time")
}

/// Whether it is JSON, as deep as a reader may take it who takes more than the gateway does.
func isJSON(_ bytes: [UInt8]) -> Bool { (try? JSONValue(bytes, maximumDepth: 512)) != nil }

/// Server-sent events are the same however the bytes were cut.
func fuzzEvents(_ bytes: [UInt8]) throws(Broken) {
    let (whole, pieces) = cut(bytes)
    func read(_ pieces: [[UInt8]]) -> ([[UInt8]], Bool) {
        var reader = EventReader(maximumEventBytes: 512)
        var events: [[UInt8]] = []
        func take(_ event: [UInt8]) -> Bool {
            events.append(event)
            return true
        }
        for piece in pieces { reader.feed(piece, take) }
        reader.end(take)
        return (events, reader.isTooLong)
    }
    let (one, two) = (read([whole]), read(pieces))
    try require(one.1 == two.1, "one is too long and the other is not")
    try require(one.1 || one.0 == two.0, "cut: \(one.0.count) events, then \(two.0.count)")

    func tap(_ pieces: [[UInt8]]) -> ([UInt8], SSETap) {
        var tap = SSETap(includeUsage: true, maximumEventBytes: 4096)
        var output: [UInt8] = []
        for piece in pieces { output += tap.feed(piece) }
        output += tap.end()
        return (output, tap)
    }
    let (first, second) = (tap([whole]), tap(pieces))
    try require(first.1.failure == second.1.failure, "the tap fails as \(String(describing: first.1.failure)), and not")
    try require(first.1.isDone == second.1.isDone && first.1.usage == second.1.usage, "the tap ends another way")
    try require(first.1.failure != nil || first.0 == second.0, "the tap lets through something else")
}

/// A request that is understood is JSON, and so is what any provider is sent for it.
func fuzzRequests(_ bytes: [UInt8]) throws(Broken) {
    if (try? ChatRequestScan(bytes)) != nil { try require((try? JSONValue(bytes)) != nil, "it was scanned and is no JSON") }
    try translate(bytes)
    try draw(bytes)
    try edit(bytes)
    if let completions = try? CompletionsTranslation(bytes) { try translate(completions.chat) }
    for counting in [false, true] {
        guard let messages = try? MessagesTranslation(bytes, counting: counting) else { continue }
        try require((try? JSONValue(messages.chat)) != nil, "a Messages request became no JSON")
        try require(messages.modelRange.upperBound <= bytes.count, "the model stands outside of the body")
        try send([NativeMessages(messages)])
        try translate(messages.chat)
    }
    if let responses = try? ResponsesTranslation(bytes, history: nil, id: "resp_1", createdAt: 1) {
        try require((try? JSONValue(responses.chat)) != nil, "a Responses request became no JSON")
        if let mapping { try send([NativeResponses(responses, mapping: mapping, isAzure: false)]) }
        try translate(responses.chat)
    }
}

/// A model that reasons, of a provider that speaks the Responses API.
private let mapping: Mapping? = try? Catalogue.load(
    contents: [
        (
            path: "f",
            bytes: Array(
                (#"{"providers":[{"id":"p","name":"P","base_url":"https://p.example/v1"}],"models":[{"id":"m","name":"M","#
                    + #""family":"f","mappings":[{"provider":"p","model":"up","api":"responses","context_size":9,"#
                    + #""prices":{"input":"1","output":"1"},"reasoning":true}]}]}"#).utf8)
        )
    ], environment: [:]
).models.first?.mappings.first

/// A request for images or for vectors.
private func draw(_ bytes: [UInt8]) throws(Broken) {
    var requests: [any ForeignRequest] = []
    if let request = try? QwenImages(bytes) { requests.append(request) }
    for isVertex in [false, true] {
        if let request = try? GeminiImages(bytes, isVertex: isVertex) { requests.append(request) }
        if let request = try? GeminiEmbeddings(bytes, isVertex: isVertex) { requests.append(request) }
    }
    try send(requests)
}

/// What a provider is sent is JSON, and no fewer tokens than the request says.
private func send(_ requests: [any ForeignRequest]) throws(Broken) {
    for request in requests {
        guard let body = try? request.body(model: "m", maximumTokens: 4096) else { continue }
        try require(isJSON(body), "\(type(of: request)) would send no JSON")
        try require(request.addedPromptTokens >= 0, "\(type(of: request)) takes tokens away")
    }
}

/// A request to edit images, as a form or as JSON: what is sent on is read as the same.
private func edit(_ bytes: [UInt8]) throws(Broken) {
    for type in ["multipart/form-data; boundary=b", "application/json"] {
        guard let edit = try? ImageEdit(bytes, contentType: type) else { continue }
        try require((try? JSONValue(edit.fields)) != nil, "what an edit says is no JSON")
        let request = NativeImageEdit(edit, provider: "p", isAzure: false)
        let body = (try? request.body(model: "m", maximumTokens: 1)) ?? []
        let account = Provider.Account(baseURL: "", apiKey: "")
        let headers = request.headers(of: ProviderCall(account: account, url: "", body: body, time: 0))
        let again = try? ImageEdit(body, contentType: headers.first { $0.0 == "content-type" }?.1)
        try require(again?.pictures == edit.pictures, "an edit is sent on as another")
        var others: [any ForeignRequest] = []
        for api in [CompletionAPI.xAI, .modelArk] {
            if let other = try? LinkedImageEdit(edit, api: api, provider: "p") { others.append(other) }
        }
        if let other = try? GeminiImages(edit.fields, edit: edit, isVertex: false) { others.append(other) }
        if let other = try? QwenImages(edit.fields, edit: edit) { others.append(other) }
        try send(others)
    }
}

private func translate(_ chat: [UInt8]) throws(Broken) {
    guard (try? ChatRequestScan(chat)) != nil, let value = try? JSONValue(chat) else { return }
    var requests: [any ForeignRequest] = []
    for mode in [ThinkingMode.budget, .adaptive] {
        if let request = try? MessagesRequest(value, thinks: mode, outputLimit: nil) { requests.append(request) }
        if let request = try? GeminiRequest(value, thinks: mode, reasons: true) { requests.append(request) }
        let model = BedrockModel(name: "anthropic.claude", thinking: mode)
        if let request = try? BedrockRequest(value, model, outputLimit: nil) { requests.append(request) }
    }
    for reasons in [false, true] {
        if let request = try? ResponsesRequest(value, provider: "p", reasons: reasons) { requests.append(request) }
    }
    try send(requests)
}

/// The same of Amazon's binary frames: as they come, and around what the input says, so that checksums keep nothing out.
func fuzzFrames(_ bytes: [UInt8]) throws(Broken) {
    let (whole, pieces) = cut(bytes)
    try compareFrames(whole, pieces)
    guard whole.count > 4 else { return }
    // The first byte says how much of the rest are headers.
    let headers = Int(whole[0]) % whole.count
    let framed = frame(Array(whole[1..<max(1, headers)]), Array(whole[max(1, headers)...]))
    let at = (Int(bytes[0]) << 8 | Int(bytes[1])) % (framed.count + 1)
    try compareFrames(framed, [Array(framed[..<at]), Array(framed[at...])])
    let event = text(":event-type", "contentBlockDelta") + text(":message-type", "event")
    let told = frame(event, whole) + frame(text(":event-type", "messageStop") + text(":message-type", "event"), whole)
    let half = at % (told.count + 1)
    let answer = BedrockAnswer(id: "i", created: 1, model: BedrockModel(name: "anthropic.claude"))
    try compare(answer, told, [Array(told[..<half]), Array(told[half...])])
}

private func compareFrames(_ whole: [UInt8], _ pieces: [[UInt8]]) throws(Broken) {
    func read(_ pieces: [[UInt8]]) -> ([EventStreamReader.Message], Bool) {
        var reader = EventStreamReader(maximumMessageBytes: 4096)
        var messages: [EventStreamReader.Message] = []
        for piece in pieces {
            reader.feed(piece) {
                messages.append($0)
                return true
            }
        }
        return (messages, reader.isMalformed)
    }
    let (one, two) = (read([whole]), read(pieces))
    try require(one.0 == two.0 && one.1 == two.1, "the frames depend on where they were cut")
}

private func frame(_ headers: [UInt8], _ payload: [UInt8]) -> [UInt8] {
    func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    var message = number(UInt32(16 + headers.count + payload.count)) + number(UInt32(headers.count))
    message += number(CRC32.of(message)) + headers + payload
    return message + number(CRC32.of(message))
}

private func text(_ name: String, _ value: String) -> [UInt8] {
    [UInt8(name.utf8.count)] + name.utf8 + [7, 0, UInt8(value.utf8.count)] + value.utf8
}
