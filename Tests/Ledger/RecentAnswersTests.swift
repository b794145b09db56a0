import Testing

@testable import Ledger

/// Answers that are remembered for a second.
@Suite struct RecentAnswersTests {
    private func answer(_ size: Int) -> CachedAnswer {
        CachedAnswer(provider: "p", model: "m", body: [UInt8](repeating: 1, count: size))
    }

    @Test func anAnswerIsRememberedForItsAgeAlone() {
        let recent = RecentAnswers()
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
        let recent = RecentAnswers()
        for index in 0..<UInt8(100) { recent.note(answer(1 << 20), of: [index], within: 60) }
        let remembered = (0..<UInt8(100)).filter { recent.answer(of: [$0], within: 60) != nil }.count
        #expect((1...32).contains(remembered))
    }

    @Test func nothingIsBelievedForLong() async throws {
        let recent = RecentAnswers()
        recent.note(answer(3), of: [1], within: 60)
        try await Task.sleep(for: .milliseconds(1_100))
        #expect(recent.answer(of: [1], within: 60) == nil)
    }
}
