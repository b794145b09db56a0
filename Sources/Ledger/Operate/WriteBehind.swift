import DequeModule
import Logging
import Synchronization

/// A queue in memory that one task writes in batches, off everybody's critical path.
///
/// What does not fit is dropped and counted: what lies beside the ledger is not worth that a request fails or waits for it.
final class WriteBehind<Element: Sendable>: Sendable {
    struct Limits: Sendable {
        /// What may wait, as the sum of the elements' costs.
        var waiting: Int
        /// What goes out at once.
        var batch: Int
        /// A batch that is not full waits this long for company: a transaction for each element would cost the requests more
        /// than the elements are worth.
        var gathering: Duration
    }

    private struct State {
        var queue = Deque<Element>()
        /// The sum of the costs of `queue`.
        var waiting = 0
        var dropped: Int64 = 0
        var sleeper: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    private let what: String
    private let limits: Limits
    private let cost: @Sendable (Element) -> Int
    private let mayRepeat: @Sendable (any Error) -> Bool
    private let write: @Sendable ([Element]) async throws -> Void
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - what: the elements' name, for the log.
    ///   - cost: what an element counts for in the limits, at least 1.
    ///   - mayRepeat: whether a batch that failed so is worth another attempt.
    ///   - write: writes a batch; what it was given comes again after a failure.
    init(
        _ what: String, limits: Limits, logger: Logger, cost: @escaping @Sendable (Element) -> Int,
        mayRepeat: @escaping @Sendable (any Error) -> Bool, write: @escaping @Sendable ([Element]) async throws -> Void
    ) {
        self.what = what
        self.limits = limits
        self.logger = logger
        self.cost = cost
        self.mayRepeat = mayRepeat
        self.write = write
    }

    /// Queues an element; false when too much waits already, then it is dropped and counted.
    func put(_ element: Element) -> Bool {
        let cost = cost(element)
        let (taken, sleeper) = state.withLock { state in
            guard state.waiting + cost <= limits.waiting, !state.isClosed else {
                state.dropped += 1
                return (false, CheckedContinuation<Void, Never>?.none)
            }
            state.queue.append(element)
            state.waiting += cost
            defer { state.sleeper = nil }
            return (true, state.sleeper)
        }
        sleeper?.resume()
        return taken
    }

    /// Counts an element that was not even put.
    func drop() { state.withLock { $0.dropped += 1 } }

    /// Elements that were dropped since the start.
    var dropped: Int64 { state.withLock { $0.dropped } }

    /// Writes batches until cancelled; then what is queued goes out once.
    func run() async {
        // Not a child task: what was accepted must still go out after a cancellation.
        let writer = Task { await writeAll() }
        await withTaskCancellationHandler {
            await writer.value
        } onCancel: {
            let sleeper = state.withLock { state in
                state.isClosed = true
                defer { state.sleeper = nil }
                return state.sleeper
            }
            sleeper?.resume()
        }
    }

    private func writeAll() async {
        while await waitForWork() {
            let (batch, isClosed) = takeBatch()
            do {
                try await write(batch)
            } catch {
                // Behind a closed door, or refused for itself, a batch is not tried again.
                let isRepeated = !isClosed && mayRepeat(error)
                state.withLock { state in
                    let cost = batch.reduce(0) { $0 + self.cost($1) }
                    if isRepeated && state.waiting + cost <= limits.waiting {
                        state.queue.prepend(contentsOf: batch)
                        state.waiting += cost
                    } else {
                        state.dropped += Int64(batch.count)
                    }
                }
                logger.warning("\(what) were not stored", metadata: ["count": "\(batch.count)", "error": "\(error)"])
                if isRepeated { try? await Task.sleep(for: .seconds(1)) }
            }
        }
    }

    /// Takes what fits a batch, at least one element when there is one.
    private func takeBatch() -> ([Element], isClosed: Bool) {
        state.withLock { state in
            var batch: [Element] = []
            var taken = 0
            while let next = state.queue.first, batch.isEmpty || taken + cost(next) <= limits.batch {
                batch.append(state.queue.removeFirst())
                taken += cost(next)
            }
            state.waiting -= taken
            return (batch, state.isClosed)
        }
    }

    /// Returns when there is something to write, and company for it; false when nothing more will come.
    private func waitForWork() async -> Bool {
        await withCheckedContinuation { (sleeper: CheckedContinuation<Void, Never>) in
            let now = state.withLock { state in
                if !state.queue.isEmpty || state.isClosed { return true }
                state.sleeper = sleeper
                return false
            }
            if now { sleeper.resume() }
        }
        let gathers = state.withLock { !$0.isClosed && $0.waiting < limits.batch }
        if gathers { try? await Task.sleep(for: limits.gathering) }
        return state.withLock { !$0.queue.isEmpty || !$0.isClosed }
    }
}
