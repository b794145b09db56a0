import Foundation
import Histogram
import Ledger
import Money

/// The events that the callers of `AppendBench` append, made before the clock runs, and what came of it.
struct Load {
    struct Figures: Sendable {
        let perSecond: Double
        /// Microseconds from a caller's call to its answer.
        let p50: Int
        let p99: Int
        let perBatch: Double
        /// Microseconds of a processor for each event: of Postgres's backend, and of this process.
        let serverTime: Double
        let clientTime: Double

        /// The run in the middle, by its rate.
        static func median(_ figures: [Figures]) -> Figures {
            figures.sorted { $0.perSecond < $1.perSecond }[figures.count / 2]
        }
    }

    /// One caller's organization and key, and what its requests look like: an authorization of about 450 bytes and an outcome
    /// of about 1,100.
    struct Cast: Sendable {
        private let organization = OrganizationID.mint()
        private let authorized: NewEvent
        private let completed: NewEvent

        init() throws {
            let (project, key, instance) = (ProjectID.mint(), APIKeyID.mint(), InstanceID.mint())
            let stream = StreamName.request(.mint())
            authorized = try NewEvent(
                RequestAuthorized(
                    instance: instance, epoch: 2, admittedAt: .now, project: project, apiKey: key, requestedModel: "gpt-4o",
                    model: "gpt-4o", provider: "openai", stream: false, held: NanoDollars(1_000_000), strict: true),
                stream: stream, expectedVersion: 0, organization: organization, epoch: 2)
            let price = try Bill(lines: [
                try PriceLine(component: "input", quantity: 100, unit: "token", price: PicoDollars(2_500_000)),
                try PriceLine(component: "output", quantity: 50, unit: "token", price: PicoDollars(10_000_000)),
            ])
            let outcome = Outcome(
                instance: instance, project: project, apiKey: key, requestedModel: "gpt-4o", model: "gpt-4o", provider: "openai",
                upstreamModel: "gpt-4o-2024-08-06", stream: false, cached: false, estimated: false, status: 200, error: nil,
                finishReason: "stop", unifiedFinishReason: "stop",
                attempts: [Attempt(provider: "openai", model: "gpt-4o-2024-08-06", status: 200, error: nil, durationMS: 431)],
                usage: TokenUsage(promptTokens: 100, completionTokens: 50), catalogueVersion: "c0ffee", credential: .house,
                price: price, cost: price, held: NanoDollars(1_000_000), charged: NanoDollars(750_000), overrun: .zero,
                durationMS: 440, timeToFirstTokenMS: nil, admittedAt: .now)
            completed = try NewEvent(
                RequestCompleted(outcome: outcome), stream: stream, expectedVersion: 1, organization: organization)
        }

        /// The two events of a new request.
        func request() throws -> [NewEvent] {
            let request = RequestID.mint()
            return try [authorized, completed].map { event in
                try NewEvent(
                    id: .mint(for: request), stream: .request(request), expectedVersion: event.expectedVersion, type: event.type,
                    schemaVersion: event.schemaVersion, organization: organization, data: event.data, metadata: event.metadata,
                    occurredAt: .now, epoch: event.epoch)
            }
        }
    }

    private let shares: [[NewEvent]]

    /// `events` events, spread over the callers.
    init(events: Int, callers: Int) throws {
        shares = try (0..<callers).map { _ in
            let cast = try Cast()
            return try (0..<max(1, events / callers / 2)).flatMap { _ in try cast.request() }
        }
    }

    /// Lets every caller append its share, one event after the other.
    /// - Parameters:
    ///   - backend: the process id of the writer's backend.
    ///   - batches: how many batches the writer has sent.
    func run(
        backend: Int32, _ batches: () -> Int64, _ append: @escaping @Sendable (NewEvent) async throws -> Void
    ) async throws -> Figures {
        let clock = ContinuousClock()
        let before = (batches(), Self.processorTime(of: backend), Self.processorTime())
        let start = clock.now
        let histogram = try await withThrowingTaskGroup(of: Histogram<UInt32>.self) { group in
            for share in shares {
                group.addTask {
                    var histogram = Self.histogram()
                    var begin = clock.now
                    for event in share {
                        try await append(event)
                        let now = clock.now
                        histogram.record(UInt64((now - begin) / .microseconds(1)))
                        begin = now
                    }
                    return histogram
                }
            }
            return try await group.reduce(into: Self.histogram()) { $0.add($1) }
        }
        let count = Double(histogram.totalCount)
        let after = (batches(), Self.processorTime(of: backend), Self.processorTime())
        return Figures(
            perSecond: count / ((clock.now - start) / .seconds(1)), p50: Int(histogram.valueAtPercentile(50)),
            p99: Int(histogram.valueAtPercentile(99)), perBatch: count / Double(max(1, after.0 - before.0)),
            serverTime: (after.1 - before.1) / count, clientTime: (after.2 - before.2) / count)
    }

    /// Microseconds that another process of this machine has run; 0 where that can't be read.
    private static func processorTime(of process: Int32) -> Double {
        let text = try? String(contentsOfFile: "/proc/\(process)/schedstat", encoding: .utf8)
        return text?.split(separator: " ").first.flatMap { Double($0) }.map { $0 / 1000 } ?? 0
    }

    /// Microseconds that this process has run.
    private static func processorTime() -> Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }

    private static func histogram() -> Histogram<UInt32> {
        Histogram(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)
    }
}
