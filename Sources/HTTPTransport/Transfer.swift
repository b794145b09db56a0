import Synchronization

/// One exchange, as its caller and the reactor both see it.
///
/// The reactor fills it, the reader empties it; whoever ends it first decides how it ended.
final class Transfer: Sendable {
    /// Bytes of a body that are held for a reader who is behind; beyond them the server is made to wait.
    static let highWater = 65_536

    /// What the one suspended reader waits for.
    enum Awaited { case head, body }

    struct State {
        var head: ResponseHead?
        var body: [UInt8] = []
        /// Set once; a failure stands beside it, a success has none.
        var ended = false
        var failure: HTTPTransportError?
        /// Whether a byte of the request may have left. Set before it does, under the same lock that a cancellation takes.
        var sent = false
        /// The reactor holds the server back until the reader has taken what is here.
        var heldBack = false
        var reader: (awaited: Awaited, continuation: CheckedContinuation<Void, Never>)?
        var upload = Upload()

        /// Takes the reader if what it waits for is here.
        mutating func readyReader() -> CheckedContinuation<Void, Never>? {
            guard let reader else { return nil }
            guard ended || (reader.awaited == .head ? head != nil : !body.isEmpty) else { return nil }
            self.reader = nil
            return reader.continuation
        }
    }

    let request: PreparedRequest
    let inbox: Inbox
    let state = Mutex(State())
    /// Where the reactor keeps its side; -1 before it begins. Only the reactor writes it.
    let slot = Atomic(-1)

    init(_ request: PreparedRequest, inbox: Inbox) {
        self.request = request
        self.inbox = inbox
    }

    // MARK: The reader's side

    /// Waits for the response head.
    func head() async throws(HTTPTransportError) -> ResponseHead {
        try await read(.head) { state in state.head }
    }

    /// Waits for bytes of the body; empty at its end.
    func bytes() async throws(HTTPTransportError) -> [UInt8] {
        let (bytes, heldBack) = try await read(.body) { state -> ([UInt8], Bool)? in
            if state.body.isEmpty { return state.ended && state.failure == nil ? ([], false) : nil }
            var taken: [UInt8] = []
            swap(&taken, &state.body)
            let heldBack = state.heldBack
            state.heldBack = false
            return (taken, heldBack)
        }
        if heldBack { inbox.push(.resume(self)) }
        return bytes
    }

    private func read<Value>(_ awaited: Awaited, _ take: (inout State) -> Value?) async throws(HTTPTransportError) -> Value {
        if Task.isCancelled { cancel() }
        while true {
            let taken = state.withLock { state -> Result<Value?, HTTPTransportError> in
                if let value = take(&state) { return .success(value) }
                if state.reader != nil {
                    return .failure(.init(.invalidRequest, "two tasks read one response", sentRequest: true))
                }
                guard state.ended else { return .success(nil) }
                return .failure(state.failure ?? .init(.protocolError, "the response has no head", sentRequest: state.sent))
            }
            if let value = try taken.get() { return value }
            await suspend(awaited)
        }
    }

    private func suspend(_ awaited: Awaited) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> CheckedContinuation<Void, Never>? in
                    // A second reader can slip in between; it gets its error from `read` without ever being stored.
                    guard state.reader == nil else { return continuation }
                    state.reader = (awaited, continuation)
                    return state.readyReader()
                }
                ready?.resume()
            }
        } onCancel: {
            cancel()
        }
    }

    /// Ends the transfer from the caller's side. What has come and was not read is let go.
    func cancel() {
        let (first, sent) = state.withLock { ($0.ended == false, $0.sent) }
        guard first else { return }
        if end(HTTPTransportError(.cancelled, "the caller ended the transfer", sentRequest: sent), discard: true) {
            inbox.push(.cancel(self))
        }
    }

    /// Ends the transfer from the caller's side, but lets the reader have what came until the reactor has closed it.
    func stop() { inbox.push(.stop(self)) }

    // MARK: Both sides

    /// Ends the transfer unless it has ended, and wakes who waits. Answers whether this call did it.
    @discardableResult
    func end(_ failure: HTTPTransportError?, discard: Bool = false) -> Bool {
        typealias Waiting = (
            reader: CheckedContinuation<Void, Never>?, producer: CheckedContinuation<Bool, Never>?, pump: Task<Void, Never>?
        )
        let waiting = state.withLock { state -> Waiting? in
            guard !state.ended else { return nil }
            state.ended = true
            state.failure = failure.map { HTTPTransportError($0.code, $0.message, sentRequest: $0.sentRequest || state.sent) }
            if discard { state.body = [] }
            return (state.readyReader(), state.upload.close(), state.upload.takePump())
        }
        guard let waiting else { return false }
        waiting.reader?.resume()
        waiting.producer?.resume(returning: false)
        waiting.pump?.cancel()
        return true
    }

    // MARK: The reactor's side

    /// To be asked before the first byte of the request leaves; false when the caller is gone.
    func willSend() -> Bool {
        state.withLock { state in
            guard !state.ended else { return false }
            state.sent = true
            return true
        }
    }

    enum Taken { case taken, full, ended }

    /// Stores bytes of the body, or none of them when the reader is too far behind.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Taken {
        state.withLock { state in
            guard !state.ended else { return .ended }
            if !state.body.isEmpty, state.body.count + bytes.count > Self.highWater {
                state.heldBack = true
                return .full
            }
            state.body.append(contentsOf: bytes)
            return .taken
        }
    }

    func receive(_ head: ResponseHead) {
        state.withLock { $0.head = head }
    }

    /// Wakes the reader if there is something for it.
    func wake() {
        state.withLock { $0.readyReader() }?.resume()
    }
}
