internal import Dialects
internal import HTTPTransport
internal import Money
internal import Synchronization

/// A provider's answer in another dialect, given as a chat completion or its chunks.
final class TranslatedAnswer: Sendable {
    private struct State {
        var reader: any ForeignAnswer
        var waiting: WaitingBytes
        var hasBegun = false
        var saidSomething = false
        var isOver = false
    }

    let response: UpstreamResponse
    private let state: Mutex<State>

    /// - Parameter waiting: What takes note of bytes of which nothing can be made yet.
    init(_ response: UpstreamResponse, reader: any ForeignAnswer, waiting: WaitingBytes) {
        self.response = response
        state = Mutex(State(reader: reader, waiting: waiting))
    }

    /// The usage as far as it was told.
    var usage: TokenUsage? { state.withLock { $0.reader.usage } }

    /// What a refusal with this body says.
    func refusal(_ body: [UInt8]) -> APIError { state.withLock { $0.reader.refusal(status: response.status, body: body) } }

    /// The next events, nil at the end.
    ///
    /// - Throws: what the provider said, if that was an error and nothing before it, so that another route may do better; `noRoom`
    ///   where there is none for what comes before the next event.
    func next() async throws(UpstreamFailure) -> [UInt8]? {
        while true {
            if let failure = state.withLock({ $0.isOver ? Self.failure($0) : nil }) { throw failure }
            guard !state.withLock({ $0.isOver }) else { return nil }
            let bytes: [UInt8]?
            do { bytes = try await response.next() } catch { throw UpstreamFailure(error) }
            let isFirst = state.withLock { state in
                defer { state.hasBegun = true }
                return !state.hasBegun
            }
            if isFirst, let bytes, UpstreamAnswer.isJSON(bytes) { throw await failure(beginningWith: bytes) }
            let (output, hasRoom) = state.withLock { state in
                let output = bytes.map { state.reader.feed($0) } ?? state.reader.end()
                if !output.isEmpty { state.saidSomething = true }
                state.isOver = bytes == nil || state.reader.isMalformed || state.reader.error != nil
                let hasRoom = bytes.map { state.waiting.add($0.count, isHeard: !output.isEmpty) } ?? true
                return (output, hasRoom)
            }
            guard hasRoom else { throw .noRoom }
            if !output.isEmpty { return output }
        }
    }

    /// What a whole answer says that comes in a stream's place.
    private func failure(beginningWith bytes: [UInt8]) async -> UpstreamFailure {
        let body = bytes + ((try? await response.collect(upTo: UpstreamAnswer.refusalBytes)) ?? [])
        let said = state.withLock { $0.reader }.hiddenError(in: body)
        return said.map { UpstreamFailure(said: $0) } ?? .noStream
    }

    private static func failure(_ state: State) -> UpstreamFailure? {
        if let error = state.reader.error {
            // After other bytes its event went out with them.
            guard !state.saidSomething else { return nil }
            return UpstreamFailure(said: error)
        }
        guard state.reader.isMalformed else { return nil }
        return UpstreamFailure(kind: .malformed, message: "The provider's stream can't be read.")
    }

    /// The whole answer.
    ///
    /// - Throws: `tooLarge` when it is larger than `limit` bytes, `noRoom` where `hasRoom` says so, `malformed` when it is not what the provider's dialect says,
    ///   `status` when it is an error.
    func collect(upTo limit: Int, whenRoom hasRoom: (Int) -> Bool) async throws(UpstreamFailure) -> [UInt8] {
        let body: [UInt8]
        do { body = try await response.collect(upTo: limit, whenRoom: hasRoom) } catch { throw UpstreamFailure(error) }
        let reader = state.withLock { $0.reader }
        do {
            return try reader.completion(body)
        } catch {
            if let said = reader.hiddenError(in: body) { throw UpstreamFailure(said: said) }
            throw UpstreamFailure(kind: .malformed, message: error.message)
        }
    }
}
