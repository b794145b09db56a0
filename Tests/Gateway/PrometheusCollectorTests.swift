import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct PrometheusCollectorTests {
    /// A source that answers with how often it was asked, each time when it is let.
    private struct Source {
        let collector: PrometheusCollector
        let gate: AsyncStream<Void>.Continuation

        init() {
            let (permits, gate) = AsyncStream.makeStream(of: Void.self)
            let asked = Counted()
            collector = PrometheusCollector {
                let count = asked.next()
                for await _ in permits { break }
                return [.init("asked", help: "Asked.", value: Double(count))]
            }
            self.gate = gate
        }

        func scrape(within patience: Duration = .milliseconds(50)) async -> (value: Double?, isLate: Bool) {
            let answer = await collector.samples(within: patience)
            return (answer.samples.first?.value, answer.isLate)
        }
    }

    private final class Counted: Sendable {
        private let count = Mutex(0)

        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    /// What always takes longer than a scrape waits would never be seen.
    @Test func whatCameTooLateIsToldAtTheNextScrape() async throws {
        let source = Source()
        let first = await source.scrape()
        #expect(first.value == nil && first.isLate)
        source.gate.yield()
        try await eventually("the late answer is told") {
            await source.scrape().value == 1
        }
        let again = await source.scrape()
        #expect(again.value == nil && again.isLate, "it is told once")
        source.gate.finish()
        let fresh = await source.scrape(within: .seconds(60))
        #expect(!fresh.isLate)
        #expect((fresh.value ?? 0) >= 2)
    }

    /// Of two that scrape at the same moment neither takes the figures from the other.
    @Test func scrapesShareAnAnswer() async {
        let source = Source()
        let late = await source.scrape()
        #expect(late.isLate)
        // The source is still being asked.
        async let one = source.scrape(within: .seconds(60))
        async let other = source.scrape(within: .seconds(60))
        source.gate.finish()
        let (mine, yours) = await (one, other)
        #expect(!mine.isLate && mine.value != nil)
        #expect(!yours.isLate && yours.value != nil)
    }
}
