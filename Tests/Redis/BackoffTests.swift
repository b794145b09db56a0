import NIOCore
import TestSupport
import Testing

@testable import Redis

@Suite struct BackoffTests {
    @Test func pausesDoubleUpToTheLongestAndVary() {
        var generator = SeededGenerator(seed: TestEnvironment.seed("pauses"))
        var backoff = Backoff(first: .milliseconds(50), longest: .seconds(2))
        for longest in [50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000] {
            let pause = backoff.next(using: &generator)
            #expect(pause <= .milliseconds(Int64(longest)))
            #expect(pause >= .milliseconds(Int64(longest / 2)))
        }
        backoff.reset()
        #expect(backoff.next(using: &generator) <= .milliseconds(50))
        let pauses = (0..<20).map { _ in
            var fresh = Backoff(first: .seconds(1), longest: .seconds(1))
            return fresh.next(using: &generator)
        }
        #expect(Set(pauses).count > 10)
    }

    @Test func extremeSettingsDoNotOverflow() {
        var generator = SystemRandomNumberGenerator()
        var backoff = Backoff(first: .seconds(Int64.max), longest: .zero)
        for _ in 0..<100 { #expect(backoff.next(using: &generator) > .nanoseconds(0)) }
        var short = Backoff(first: .zero, longest: .seconds(Int64.max))
        for _ in 0..<200 { #expect(short.next(using: &generator) > .nanoseconds(0)) }
    }
}
