internal import JSON

/// The built-in provider: answers a chat completion request from itself, always in the same way, and needs no account.
///
/// The answer echoes the last message of a user (or of a tool, if that is the last message), and says how many images came
/// with it. It respects `max_tokens` and `max_completion_tokens`, `n`, `stop`, `stream`, `stream_options`, `response_format`,
/// `tools`, `tool_choice` and `parallel_tool_calls`; a tool is called when `tool_choice` demands it or the text says "call
/// NAME". Parameters of sampling have no effect, and `logprobs` is refused. A token of the completion is a run of whole
/// characters of at most four bytes; a prompt has a token for every four bytes of its text and definitions, four for each
/// message and 85 for each image.
public struct EchoProvider: Sendable {
    /// The HTTP status of the answer.
    public let status = 200
    /// Whether the answer is a stream of events.
    public var isStream: Bool { request.stream }
    /// `application/json` or `text/event-stream`.
    public var contentType: String { isStream ? "text/event-stream" : "application/json" }

    private let request: EchoRequest
    private let answer: EchoAnswer
    private let id: String
    private let created: Int64
    private let head: [UInt8]
    private var step = Step.start(choice: 0)

    private enum Step {
        case start(choice: Int64)
        case content(choice: Int64, piece: Int)
        case call(choice: Int64, call: Int, piece: Int)
        case finish(choice: Int64)
        case usage
        case done
        case over
    }

    /// Prepares the answer to a request.
    ///
    /// - Parameters:
    ///   - request: the body.
    ///   - id: the id of the answer, such as `chatcmpl-…`.
    ///   - created: seconds since 1970 UTC.
    public init(request body: [UInt8], id: String, created: Int64) throws(APIError) {
        request = try EchoRequest(body)
        answer = try EchoAnswer(request)
        self.id = id
        self.created = created
        var head = Array("data: {\"id\":".utf8)
        head.appendJSON(string: id)
        head += ",\"object\":\"chat.completion.chunk\",\"created\":\(created),\"model\":".utf8
        head.appendJSON(string: request.model)
        self.head = head
    }

    /// The next bytes of the answer: the whole body, or one event after another up to `[DONE]`; nil at the end.
    public mutating func next() -> [UInt8]? {
        guard isStream else {
            guard case .start = step else { return nil }
            step = .over
            return answer.body(request, id: id, created: created)
        }
        switch step {
        case .start(let choice):
            step = .content(choice: choice, piece: 0)
            return chunk(
                choice, [("role", .string("assistant")), ("content", answer.content == nil ? .null : .string(""))])
        case .content(let choice, let piece):
            guard let content = answer.content, piece < content.count else {
                step = .call(choice: choice, call: 0, piece: -1)
                return next()
            }
            step = .content(choice: choice, piece: piece + 1)
            return chunk(choice, [("content", .string(String(content[piece])))])
        case .call(let choice, let index, let piece):
            guard index < answer.calls.count else {
                step = .finish(choice: choice)
                return next()
            }
            let call = answer.calls[index]
            let isLast = piece + 1 >= call.pieces.count
            step =
                isLast ? .call(choice: choice, call: index + 1, piece: -1) : .call(choice: choice, call: index, piece: piece + 1)
            let value =
                piece < 0
                ? EchoAnswer.call(call, index: index, arguments: "") : EchoAnswer.more(call, index: index, call.pieces[piece])
            return chunk(choice, [("tool_calls", .array([value]))])
        case .finish(let choice):
            step = choice + 1 < request.choices ? .start(choice: choice + 1) : request.includeUsage ? .usage : .done
            return chunk(choice, [], finishReason: .string(answer.finishReason))
        case .usage:
            step = .done
            return head + ",\"choices\":[],\"usage\":".utf8 + answer.usage(request).bytes + "}\n\n".utf8
        case .done:
            step = .over
            return Array("data: [DONE]\n\n".utf8)
        case .over:
            return nil
        }
    }

    private func chunk(_ choice: Int64, _ delta: [(String, JSONValue?)], finishReason: JSONValue = .null) -> [UInt8] {
        let value = JSONValue.members([
            ("index", .integer(choice)), ("delta", .members(delta)), ("logprobs", .null), ("finish_reason", finishReason),
        ])
        var event = head + ",\"choices\":[".utf8
        value.write(into: &event)
        event += (request.includeUsage ? "],\"usage\":null}\n\n" : "]}\n\n").utf8
        return event
    }
}
