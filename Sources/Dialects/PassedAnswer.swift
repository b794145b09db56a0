internal import JSON
internal import Money

/// An answer that goes on as it came, because the client speaks the provider's dialect; whoever relays it reads it.
///
/// The beginning of a stream is held back until something is said, so that an error before that can still send the request
/// elsewhere. One that says nothing for as long as an event may be says nothing at all.
struct PassedAnswer: ForeignAnswer {
    /// The types of events that say nothing yet.
    let silent: Set<String>
    /// The error that an event is; nil for any other event.
    let failure: @Sendable (JSONValue) -> APIError?
    /// A refusal by its status and body.
    let refused: @Sendable (Int, [UInt8]) -> APIError

    private(set) var error: APIError?
    private(set) var isMalformed = false
    let usage: TokenUsage? = nil

    private let maximumHeldBytes: Int
    private var reader = EventReader()
    private var held: [UInt8] = []
    private var isOpen = false

    init(
        silent: Set<String>, maximumHeldBytes: Int = SSETap.longestEvent,
        failure: @escaping @Sendable (JSONValue) -> APIError?, refused: @escaping @Sendable (Int, [UInt8]) -> APIError
    ) {
        self.maximumHeldBytes = maximumHeldBytes
        self.silent = silent
        self.failure = failure
        self.refused = refused
    }

    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8] { body }

    func refusal(status: Int, body: [UInt8]) -> APIError { refused(status, body) }

    mutating func feed(_ bytes: [UInt8]) -> [UInt8] {
        guard !isOpen else { return bytes }
        guard error == nil, !isMalformed else { return [] }
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
            held = []
            return []
        }
        isOpen = first != nil || reader.isTooLong
        if isOpen { return end() }
        isMalformed = held.count > maximumHeldBytes
        if isMalformed { held = [] }
        return []
    }

    mutating func end() -> [UInt8] {
        defer { held = [] }
        return held
    }
}
