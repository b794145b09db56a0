internal import JSON
internal import Money

/// An answer that goes on as it came, because the client speaks the provider's dialect; whoever relays it reads it.
///
/// The beginning of a stream is held back until something is said, so that an error before that can still send the request
/// elsewhere.
struct PassedAnswer: ForeignAnswer {
    /// The types of events that say nothing yet.
    let silent: Set<String>
    /// The error that an event is; nil for any other event.
    let failure: @Sendable (JSONValue) -> APIError?
    /// A refusal by its status and body.
    let refused: @Sendable (Int, [UInt8]) -> APIError

    private(set) var error: APIError?
    let isMalformed = false
    let usage: TokenUsage? = nil

    private var reader = EventReader()
    private var held: [UInt8] = []
    private var isOpen = false

    init(
        silent: Set<String>, failure: @escaping @Sendable (JSONValue) -> APIError?,
        refused: @escaping @Sendable (Int, [UInt8]) -> APIError
    ) {
        self.silent = silent
        self.failure = failure
        self.refused = refused
    }

    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8] { body }

    func refusal(status: Int, body: [UInt8]) -> APIError { refused(status, body) }

    mutating func feed(_ bytes: [UInt8]) -> [UInt8] {
        guard !isOpen else { return bytes }
        held += bytes
        var first: JSONValue?
        let silent = silent
        reader.feed(bytes) { data in
            let event = (try? JSONValue(data)) ?? .null
            guard !silent.contains(event["type"]?.text ?? "") else { return true }
            first = event
            return false
        }
        if let first, let failure = failure(first) {
            error = failure
            return []
        }
        isOpen = first != nil || reader.isTooLong
        return isOpen ? end() : []
    }

    mutating func end() -> [UInt8] {
        defer { held = [] }
        return held
    }
}
