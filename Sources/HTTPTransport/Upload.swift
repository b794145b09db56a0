import Synchronization

/// The meeting place of a request body's producer and the connection: one chunk at a time.
struct Upload {
    private var chunk: [UInt8] = []
    private var offset = 0
    private var sentBytes = 0
    private var finished = false
    private var closed = false
    /// The connection asked and there was nothing.
    private var starved = false
    private var producer: CheckedContinuation<Bool, Never>?
    private var pump: Task<Void, Never>?

    enum Read {
        /// So many bytes were copied.
        case bytes(Int)
        case end
        /// Nothing is here yet; the reactor is told when there is.
        case wait
        /// The body does not have the length that was promised.
        case wrongLength
    }

    /// Copies what is here. Gives back the producer when its chunk is used up.
    mutating func read(
        into target: UnsafeMutableRawBufferPointer, promised length: Int?
    ) -> (Read, CheckedContinuation<Bool, Never>?) {
        let available = chunk.count - offset
        guard available > 0 else {
            if finished || closed { return (length.map { $0 == sentBytes } ?? true ? .end : .wrongLength, nil) }
            starved = true
            return (.wait, nil)
        }
        let count = min(available, target.count)
        if let length, sentBytes + available > length { return (.wrongLength, nil) }
        chunk.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count])) }
        offset += count
        sentBytes += count
        guard offset == chunk.count else { return (.bytes(count), nil) }
        chunk = []
        offset = 0
        return (.bytes(count), takeProducer())
    }

    /// Stores the producer's next chunk. False when the transfer has ended; `wasStarved` says that the connection waits for it.
    mutating func offer(_ bytes: [UInt8]) -> (open: Bool, wasStarved: Bool) {
        guard !closed else { return (false, false) }
        chunk = bytes
        offset = 0
        defer { starved = false }
        return (true, starved)
    }

    /// Notes the end of the body; answers whether the connection waits for it.
    mutating func finish() -> Bool {
        finished = true
        defer { starved = false }
        return starved && !closed
    }

    /// Keeps the producer until its chunk is used up; gives it back when that is already so.
    mutating func wait(_ continuation: CheckedContinuation<Bool, Never>) -> Bool? {
        if closed { return false }
        if chunk.isEmpty { return true }
        producer = continuation
        return nil
    }

    mutating func keep(_ task: Task<Void, Never>) -> Bool {
        guard !closed else { return false }
        pump = task
        return true
    }

    mutating func close() -> CheckedContinuation<Bool, Never>? {
        closed = true
        chunk = []
        return takeProducer()
    }

    mutating func takePump() -> Task<Void, Never>? {
        defer { pump = nil }
        return pump
    }

    private mutating func takeProducer() -> CheckedContinuation<Bool, Never>? {
        defer { producer = nil }
        return producer
    }
}

extension Transfer {
    /// Runs the producer of a streamed request body beside the transfer: the response may come before the body's end, so it
    /// is not the caller's task that does it.
    func startUpload(_ next: @escaping @Sendable () async throws -> [UInt8]?) {
        let task = Task {
            do {
                while let bytes = try await next() {
                    guard await self.offer(bytes) else { return }
                }
                if self.state.withLock({ $0.upload.finish() }) { self.inbox.push(.feed(self)) }
            } catch {
                // The error is not ours to describe: it may hold what the caller was sending.
                if self.end(HTTPTransportError(.cancelled, "the request body's producer failed")) {
                    self.inbox.push(.cancel(self))
                }
            }
        }
        if !state.withLock({ $0.upload.keep(task) }) { task.cancel() }
    }

    /// Hands over one chunk and waits until the connection took it; false when the transfer has ended.
    private func offer(_ bytes: [UInt8]) async -> Bool {
        if bytes.isEmpty { return !Task.isCancelled }
        let (open, wasStarved) = state.withLock { $0.upload.offer(bytes) }
        guard open else { return false }
        if wasStarved { inbox.push(.feed(self)) }
        return await withCheckedContinuation { continuation in
            if let answer = state.withLock({ $0.upload.wait(continuation) }) { continuation.resume(returning: answer) }
        }
    }
}
