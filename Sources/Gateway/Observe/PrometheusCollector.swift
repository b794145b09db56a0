import Synchronization

/// A source of samples that a scrape waits for only so long: one that asks a server that is away would keep all the others from whoever
/// wants to know what is wrong.
final class PrometheusCollector: Sendable {
    /// What a scrape has of a source.
    struct Answer: Sendable {
        /// Those of before, or none, where it is late.
        let samples: [PrometheusRegistry.Sample]
        /// Whether it did not answer in time.
        let isLate: Bool
    }

    private struct State {
        /// Whether the source is being asked, which never happens twice at once.
        var isBusy = false
        /// The scrapes that wait for what it answers.
        var waiting: [Int: AsyncStream<[PrometheusRegistry.Sample]?>.Continuation] = [:]
        var scrapes = 0
        /// What it answered when nobody waited any more: a source that is always slow would never be seen otherwise.
        var kept: [PrometheusRegistry.Sample] = []
    }

    private let collect: @Sendable () async -> [PrometheusRegistry.Sample]
    private let state = Mutex(State())

    init(_ collect: @escaping @Sendable () async -> [PrometheusRegistry.Sample]) { self.collect = collect }

    /// What it answers, to whoever asks while it does; when that takes longer, what came too late for an earlier scrape, once.
    func samples(within patience: Duration) async -> Answer {
        let (answers, giver) = AsyncStream.makeStream(of: [PrometheusRegistry.Sample]?.self)
        let (scrape, begins) = state.withLock { state in
            defer { state.isBusy = true }
            state.scrapes += 1
            state.waiting[state.scrapes] = giver
            return (state.scrapes, !state.isBusy)
        }
        // Not a child task: those who wait for a server end in their own time.
        if begins { Task { await ask() } }
        let alarm = Task {
            try? await Task.sleep(for: patience)
            giver.yield(nil)
        }
        defer { alarm.cancel() }
        var first = answers.makeAsyncIterator()
        let samples = await first.next() ?? nil
        return state.withLock { state in
            state.waiting[scrape] = nil
            defer { state.kept = [] }
            return Answer(samples: samples ?? state.kept, isLate: samples == nil)
        }
    }

    private func ask() async {
        let samples = await collect()
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            state.isBusy = false
            state.kept = samples
            return state.waiting
        }
        for giver in waiting.values { giver.yield(samples) }
    }
}
