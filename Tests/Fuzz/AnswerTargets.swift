import Catalogue
import Money

@testable import Dialects
@testable import JSON

/// An answer of any provider becomes what OpenAI would have answered, or is refused; so does an error. Every client gets JSON of it.
func fuzzAnswers(_ bytes: [UInt8]) throws(Broken) {
    try reply(bytes)
    for answer in foreignAnswers() {
        try refuse(answer, bytes)
        // What is handed on as it came is read as an answer of its own kind afterwards.
        guard !(answer is PassedAnswer), let completion = try? answer.completion(bytes) else { continue }
        try require((try? JSONValue(completion)) != nil, "\(type(of: answer)) made no JSON")
        try require((try? ChatResponseScan(completion: completion)) != nil, "\(type(of: answer)) made no chat completion")
        try reply(completion)
    }
    let drawn: [any ForeignAnswer] = [GeminiImagesAnswer(created: 1), QwenImagesAnswer(created: 1)]
    for answer in drawn {
        try refuse(answer, bytes)
        guard let images = try? answer.completion(bytes) else { continue }
        try require((try? ImagesReply(images)) != nil, "\(type(of: answer)) made no answer with images")
        try reply(images)
    }
    for (count, isBase64) in [(1, false), (1, true), (2, false)] {
        let answer = GeminiEmbeddingsAnswer(model: "m", count: count, isBase64: isBase64)
        try refuse(answer, bytes)
        guard let vectors = try? answer.completion(bytes) else { continue }
        try require((try? InputAnswerScan(vectors, of: .embedding)) != nil, "\(type(of: answer)) made no answer with vectors")
    }
}

/// What is said in an answer's place is an error.
private func refuse(_ answer: any ForeignAnswer, _ bytes: [UInt8]) throws(Broken) {
    let said: [APIError?] = [
        answer.refusal(status: 400, body: bytes), answer.refusal(status: 503, body: bytes), answer.hiddenError(in: bytes),
    ]
    for error in said.compactMap(\.self) {
        try require((400...599).contains(error.status), "\(type(of: answer)) refuses with \(error.status)")
        try require(isJSON(error.json), "\(type(of: answer)) refuses with no JSON")
    }
}

/// What clients get of an answer, in whichever format they asked.
private func reply(_ bytes: [UInt8]) throws(Broken) {
    var scans: [(any AnswerScan)?] = [
        try? ChatResponseScan(bytes), try? CompletionsReply(bytes), try? MessagesReply(bytes), try? NativeMessageScan(bytes),
        try? ImagesReply(bytes), try? InputAnswerScan(bytes, of: .embedding), try? InputAnswerScan(bytes, of: .moderation),
    ]
    if let asked {
        scans.append(try? ResponsesReply(bytes, for: asked))
        scans.append(try? NativeResponsesReply(bytes, for: asked))
    }
    for scan in scans.compactMap(\.self) {
        for additions in [
            ResponseAdditions(bill: Bill.none), ResponseAdditions(bill: Bill.none, estimatedUsage: TokenUsage(promptTokens: 1)),
        ] {
            try require(isJSON(scan.answer(additions, body: bytes)), "\(type(of: scan)) gives a client no JSON")
        }
        try require(
            scan.estimatedCompletionTokens >= 0 && scan.generatedImages >= 0, "\(type(of: scan)) says less than nothing")
    }
}

/// The request of the Responses API that is answered.
private let asked: ResponsesTranslation? = try? ResponsesTranslation(
    Array(#"{"model":"m","input":"x"}"#.utf8), history: nil, id: "resp_1", createdAt: 1)

private func foreignAnswers() -> [any ForeignAnswer] {
    [
        MessagesAnswer(created: 1), GeminiAnswer(id: "i", created: 1),
        BedrockAnswer(id: "i", created: 1, model: BedrockModel(name: "anthropic.claude")),
        ResponsesAnswer(id: "i", created: 1, provider: "p"), PassedAnswer.messages, PassedAnswer.responses(of: "p"),
        PassedAnswer.images(of: "p"),
    ]
}

/// A stream of any provider gives the same chunks however the bytes were cut.
func fuzzStreams(_ bytes: [UInt8]) throws(Broken) {
    let (whole, pieces) = cut(bytes)
    for answer in foreignAnswers() { try compare(answer, whole, pieces) }
}

func compare(_ answer: any ForeignAnswer, _ whole: [UInt8], _ pieces: [[UInt8]]) throws(Broken) {
    func read(_ pieces: [[UInt8]]) -> ([UInt8], any ForeignAnswer) {
        var answer = answer
        var output: [UInt8] = []
        for piece in pieces { output += answer.feed(piece) }
        output += answer.end()
        return (output, answer)
    }
    let (one, two) = (read([whole]), read(pieces))
    let name = "\(type(of: answer))"
    try require(one.1.isMalformed == two.1.isMalformed, "\(name) is malformed, and not")
    try require(one.1.error == two.1.error && one.1.usage == two.1.usage, "\(name) says something else of its end")
    try require(one.0 == two.0, "\(name) gives other chunks")
    // What goes on as it came is read elsewhere.
    if !(answer is PassedAnswer) { try requireJSON(in: one.0, name) }
}

/// A stream becomes the same events of every client's format however the bytes were cut.
func fuzzTaps(_ bytes: [UInt8]) throws(Broken) {
    let (whole, pieces) = cut(bytes)
    var taps: [any StreamTap] = [
        MessagesTap(), MessagesEvents(),
        CompletionsEvents(includeUsage: true, additions: { _ in ResponseAdditions(bill: Bill.none) }),
    ]
    if let asked { taps += [ResponsesTap(for: asked), ResponsesEvents(for: asked)] as [any StreamTap] }
    for tap in taps { try compare(tap, whole, pieces) }
}

private func compare(_ tap: any StreamTap, _ whole: [UInt8], _ pieces: [[UInt8]]) throws(Broken) {
    func read(_ pieces: [[UInt8]]) -> ([UInt8], any StreamTap) {
        var tap = tap
        var output: [UInt8] = []
        for piece in pieces { output += tap.feed(piece) }
        output += tap.end()
        if tap.isComplete { output += tap.finish(estimated: TokenUsage(), additions: ResponseAdditions(bill: Bill.none)) }
        return (output, tap)
    }
    let (one, two) = (read([whole]), read(pieces))
    let name = "\(type(of: tap))"
    try require(one.1.failure == two.1.failure && one.1.error == two.1.error, "\(name) fails, and not")
    try require(one.1.isDone == two.1.isDone && one.1.isComplete == two.1.isComplete, "\(name) ends another way")
    try require(
        one.1.usage == two.1.usage && one.1.finishReasons == two.1.finishReasons
            && one.1.estimatedCompletionTokens == two.1.estimatedCompletionTokens, "\(name) counts something else")
    try require(one.1.response == two.1.response, "\(name) keeps something else")
    try require(one.0 == two.0, "\(name) gives other events")
    try requireJSON(in: one.0, name)
}

/// Every event that a client gets can be read, but for the mark of the end.
private func requireJSON(in events: [UInt8], _ name: String) throws(Broken) {
    var reader = EventReader()
    var isJSONAlone = true
    reader.feed(events) { data in
        let isMark = data.filter { $0 != 0x20 && $0 != 0x09 }.elementsEqual("[DONE]".utf8)
        if !isMark, !isJSON(data) { isJSONAlone = false }
        return true
    }
    try require(isJSONAlone, "\(name) gives a client an event that is no JSON")
}
