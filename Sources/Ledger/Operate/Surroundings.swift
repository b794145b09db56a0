/// Time, chance and threads as the parts of one process see them.
///
/// A process has the machine's. The simulation gives each of its processes others, so that a run follows from its seed alone: a part
/// that waits, counts a deadline, spreads itself by chance or begins a task of its own asks here.
public struct Surroundings: Sendable {
    /// The time by which deadlines are kept.
    package var now: @Sendable () -> ContinuousClock.Instant
    /// Returns when the time is over, or when the task is cancelled.
    package var sleep: @Sendable (Duration) async -> Void
    /// A number of the range, by chance.
    package var pick: @Sendable (ClosedRange<Int>) -> Int
    /// Where tasks of their own run; nil is wherever they ran anyway.
    package var executor: (any TaskExecutor)?

    package init(
        now: @escaping @Sendable () -> ContinuousClock.Instant, sleep: @escaping @Sendable (Duration) async -> Void,
        pick: @escaping @Sendable (ClosedRange<Int>) -> Int, executor: (any TaskExecutor)?
    ) {
        self.now = now
        self.sleep = sleep
        self.pick = pick
        self.executor = executor
    }

    /// Those of the machine.
    public static let machine = Surroundings(
        now: { ContinuousClock.now }, sleep: { try? await Task.sleep(for: $0) }, pick: { Int.random(in: $0) }, executor: nil)
}
