import Logging
import ServiceLifecycle

/// Lets work that drains when the process is asked to stop have its time, and cancels what is left of it then.
enum Draining {
    /// Runs `body` until it ends by itself; once a graceful shutdown has begun, for `deadline` at most.
    ///
    /// What `body` is in the middle of must settle itself when it is cancelled.
    /// - Throws: what `body` throws, unless it was cut off.
    static func run(
        deadline: Duration, logger: Logger, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                try? await gracefulShutdown()
                try? await Task.sleep(for: deadline)
                return false
            }
            let hasEnded = try await group.next() ?? true
            group.cancelAll()
            guard !hasEnded else { return }
            logger.warning("what did not end in time is cut off", metadata: ["seconds": "\(deadline.components.seconds)"])
            do { while try await group.next() != nil {} } catch is CancellationError {}
        }
    }
}
