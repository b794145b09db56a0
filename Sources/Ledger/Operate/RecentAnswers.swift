import Synchronization

/// The answers that were asked for within the last second, so that what is asked again and again is not looked up each time.
///
/// Another gateway may have replaced or erased one meanwhile: a copy is believed for no longer than that.
final class RecentAnswers: Sendable {
    private struct Copy {
        let answer: CachedAnswer
        let seconds: Int64
        let until: ContinuousClock.Instant
    }

    private struct State {
        var copies: [[UInt8]: Copy] = [:]
        var bytes = 0
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> ContinuousClock.Instant
    private static let maximumBytes = 32 << 20
    private static let lifetime: Duration = .seconds(1)

    init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

    /// - Parameter seconds: How old an answer may be; a copy that was looked up for another age is none.
    func answer(of request: [UInt8], within seconds: Int64) -> CachedAnswer? {
        state.withLock { state in
            guard let copy = state.copies[request], copy.seconds == seconds, copy.until > now() else { return nil }
            return copy.answer
        }
    }

    func note(_ answer: CachedAnswer, of request: [UInt8], within seconds: Int64) {
        state.withLock { state in
            if state.bytes + answer.body.count > Self.maximumBytes {
                // All at once: they are there for a second, and found again at the cost of a look.
                state.copies.removeAll()
                state.bytes = 0
            }
            let copy = Copy(answer: answer, seconds: seconds, until: now() + Self.lifetime)
            let old = state.copies.updateValue(copy, forKey: request)
            state.bytes += answer.body.count - (old?.answer.body.count ?? 0)
        }
    }

    /// Another answer takes the place of this one.
    func forget(_ request: [UInt8]) {
        state.withLock { state in
            if let old = state.copies.removeValue(forKey: request) { state.bytes -= old.answer.body.count }
        }
    }
}
