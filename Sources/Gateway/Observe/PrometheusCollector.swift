import Synchronization

/// A source of samples that a scrape waits for only so long: one that asks a server that is away would keep all the others from whoever
/// wants to know what is wrong.
final class PrometheusCollector: Sendable {
    private let collect: @Sendable () async -> [PrometheusRegistry.Sample]
    private let isBusy = Mutex(false)

    init(_ collect: @escaping @Sendable () async -> [PrometheusRegistry.Sample]) { self.collect = collect }

    /// What it answers; nil when that takes longer, or when an earlier scrape still has no answer.
    func samples(within patience: Duration) async -> [PrometheusRegistry.Sample]? {
        let begins = isBusy.withLock { isBusy in
            defer { isBusy = true }
            return !isBusy
        }
        guard begins else { return nil }
        let (answers, giver) = AsyncStream.makeStream(of: [PrometheusRegistry.Sample]?.self)
        // Not a child task: those who wait for a server end in their own time.
        Task {
            let samples = await collect()
            isBusy.withLock { $0 = false }
            giver.yield(samples)
        }
        let alarm = Task {
            try? await Task.sleep(for: patience)
            giver.yield(nil)
        }
        defer { alarm.cancel() }
        var first = answers.makeAsyncIterator()
        return await first.next() ?? nil
    }
}
