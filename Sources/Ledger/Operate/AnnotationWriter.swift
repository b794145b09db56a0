import DequeModule
public import Logging
public import Postgres
import Synchronization

import struct FoundationEssentials.UUID

/// Stores what says something about a person (client address, user agent, names) beside the events, off the critical path.
public final class AnnotationWriter: Sendable {
    private static let batch = 512
    /// A batch that is not full waits this long for company: a transaction for each annotation would cost the requests more
    /// than the annotations are worth.
    private static let gathering = Duration.milliseconds(250)

    private struct Annotation {
        let event: UUID
        let kind: String
        let body: [UInt8]
    }

    private struct State {
        var queue = Deque<Annotation>()
        var dropped: Int64 = 0
        var sleeper: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    private let client: PostgresClient
    private let queueLimit: Int
    private let logger: Logger
    private let state = Mutex(State())

    public init(client: PostgresClient, queueLimit: Int = 8192, logger: Logger) {
        self.client = client
        self.queueLimit = queueLimit
        self.logger = logger
    }

    /// Queues an annotation; false when too many wait or the text can't be stored, then it is dropped and counted.
    /// - Parameter body: UTF-8 JSON.
    @discardableResult
    public func put(event: EventID, kind: String, body: [UInt8]) -> Bool {
        let isFit = JSONText.problem(in: body) == nil && !kind.utf8.contains(0)
        let (taken, sleeper) = state.withLock { state in
            guard isFit, state.queue.count < queueLimit, !state.isClosed else {
                state.dropped += 1
                return (false, CheckedContinuation<Void, Never>?.none)
            }
            state.queue.append(Annotation(event: event.uuid, kind: kind, body: body))
            defer { state.sleeper = nil }
            return (true, state.sleeper)
        }
        sleeper?.resume()
        return taken
    }

    /// Annotations that were dropped since the start.
    public var dropped: Int64 { state.withLock { $0.dropped } }

    /// Writes batches until cancelled; then what is queued goes out once.
    public func run() async {
        // Not a child task: what was accepted must still go out after a cancellation.
        let writer = Task { await write() }
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

    private func write() async {
        while await waitForWork() {
            let (batch, isClosed) = state.withLock { state in
                let batch = Array(state.queue.prefix(Self.batch))
                state.queue.removeFirst(batch.count)
                return (batch, state.isClosed)
            }
            do {
                _ = try await client.query(
                    "SELECT ledger.put_annotations($1, $2, $3)",
                    [
                        .uuidArray(batch.map(\.event)), .textArray(batch.map(\.kind)), .jsonbArray(batch.map(\.body)),
                    ], deadline: .seconds(10))
            } catch {
                let mayRepeat = !isClosed && (error as? PostgresError)?.code != .server
                state.withLock { state in
                    // Behind a closed door, or refused for itself, a batch is not tried again.
                    if mayRepeat && state.queue.count + batch.count <= queueLimit {
                        state.queue.prepend(contentsOf: batch)
                    } else {
                        state.dropped += Int64(batch.count)
                    }
                }
                logger.warning("annotations were not stored", metadata: ["count": "\(batch.count)", "error": "\(error)"])
                if mayRepeat { try? await Task.sleep(for: .seconds(1)) }
            }
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
        let gathers = state.withLock { !$0.isClosed && $0.queue.count < Self.batch }
        if gathers { try? await Task.sleep(for: Self.gathering) }
        return state.withLock { !$0.queue.isEmpty || !$0.isClosed }
    }
}
