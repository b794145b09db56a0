internal import Hummingbird
internal import NIOCore
internal import Synchronization

/// What the body of one request has taken of the room for all; free again when nobody holds it.
final class CountedBody: Sendable {
    private struct State {
        var bytes = 0
        var room: ByteBudget.Room?
    }

    private let budget: ByteBudget
    private let state = Mutex(State())

    init(_ budget: ByteBudget) { self.budget = budget }

    /// The same body, which ends with 503 where there is no room for more of it.
    func counting(_ body: RequestBody) -> RequestBody {
        RequestBody(
            asyncSequence: body.map { (chunk: ByteBuffer) throws -> ByteBuffer in
                try self.add(chunk.readableBytes)
                return chunk
            })
    }

    private func add(_ bytes: Int) throws(WebError) {
        let hasRoom = state.withLock { state -> Bool in
            state.bytes += bytes
            return budget.grow(&state.room, to: state.bytes)
        }
        guard hasRoom else {
            throw WebError(503, "The gateway is at its limit; try again shortly.", code: "overloaded", retryAfter: 1)
        }
    }
}
