internal import Synchronization

/// An answer that was given before, in the pieces in which it is given again.
final class ReplayedAnswer: Sendable {
    private struct State {
        var offset = 0
        var isStopped = false
    }

    private let body: [UInt8]
    private let state = Mutex(State())
    private static let piece = 16 << 10

    init(_ body: [UInt8]) { self.body = body }

    /// The next bytes, nil at the end.
    func next() -> [UInt8]? {
        state.withLock { state in
            guard !state.isStopped, state.offset < body.count else { return nil }
            let end = min(state.offset + Self.piece, body.count)
            defer { state.offset = end }
            return Array(body[state.offset..<end])
        }
    }

    /// All of it.
    func collect() -> [UInt8] { body }

    /// Says no more.
    func stop() { state.withLock { $0.isStopped = true } }
}
