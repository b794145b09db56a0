import Synchronization
import Testing

@testable import Ledger

/// Answers that are remembered for a second.
@Suite struct RecentAnswersTests {
    /// Its time goes on by hand.
    private final class Clock: Sendable {
        private let time = Mutex(ContinuousClock.now)

        var now: ContinuousClock.Instant { time.withLock { $0 } }
        func pass(_ duration: Duration) { time.withLock { $0 += duration } }
    }

    private let clock = Clock()
    private let recent: RecentAnswers

    init() {
        recent = RecentAnswers { [clock] in clock.now }
    }

    private func answer(_ size: Int) -> CachedAnswer {
        CachedAnswer(provider: "p", model: "m", body: [UInt8](repeating: 1, count: size))
    }

    @Test func anAnswerIsRememberedForItsAgeAlone() {
        recent.note(answer(3), of: [1], within: 60)
        #expect(recent.answer(of: [1], within: 60)?.body.count == 3)
        #expect(recent.answer(of: [1], within: 10) == nil)
        #expect(recent.answer(of: [2], within: 60) == nil)
        recent.note(answer(4), of: [1], within: 60)
        #expect(recent.answer(of: [1], within: 60)?.body.count == 4)
        recent.forget([1])
        #expect(recent.answer(of: [1], within: 60) == nil)
    }

    @Test func noMoreIsRememberedThanThereIsRoomFor() {
        for index in 0..<UInt8(100) { recent.note(answer(1 << 20), of: [index], within: 60) }
        let remembered = (0..<UInt8(100)).filter { recent.answer(of: [$0], within: 60) != nil }.count
        #expect((1...32).contains(remembered))
    }

    @Test func nothingIsBelievedForLong() {
        recent.note(answer(3), of: [1], within: 60)
        clock.pass(.milliseconds(999))
        #expect(recent.answer(of: [1], within: 60) != nil)
        clock.pass(.milliseconds(1))
        #expect(recent.answer(of: [1], within: 60) == nil)
    }
}
