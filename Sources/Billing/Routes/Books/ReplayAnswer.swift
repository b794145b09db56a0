internal import Finance
internal import Hummingbird
internal import Logging
internal import Projections
internal import Web

/// A replay that goes on while its answer is written: it ends when the client leaves.
struct ReplayAnswer: Sendable {
    let replay: StateReplay
    /// The last event that is applied.
    let position: Int64
    let turn: Audit.Turn
    let logger: Logger

    /// How often progress is told.
    private static let pace: Duration = .seconds(1)

    /// The state's table, once it is there.
    func table() async throws(WebError) -> Response { Response.csv(try await state { _, _ in }.table) }

    /// Lines of JSON: progress, then the state or why there is none.
    func lines() -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/jsonl"],
            body: .init { writer in
                let (progress, continuation) = AsyncStream.makeStream(of: WebValue.self, bufferingPolicy: .bufferingNewest(1))
                try await withThrowingTaskGroup(of: WebValue.self) { group in
                    group.addTask {
                        defer { continuation.finish() }
                        return await end { continuation.yield(Self.line($0, $1)) }
                    }
                    var told: ContinuousClock.Instant?
                    for await line in progress {
                        if let told, ContinuousClock.now - told < Self.pace { continue }
                        told = .now
                        try await writer.write(ByteBuffer(bytes: line.json + [0x0A]))
                    }
                    for try await line in group { try await writer.write(ByteBuffer(bytes: line.json + [0x0A])) }
                }
                try await writer.finish(nil)
            })
    }

    private func end(_ progress: @escaping @Sendable (String, RebuildProgress) -> Void) async -> WebValue {
        do throws(WebError) {
            let state = try await state(progress)
            do { return try WebValue.encoding(state) } catch { return WebError(500, "The state could not be written.").json }
        } catch {
            return error.json
        }
    }

    private func state(
        _ progress: @escaping @Sendable (String, RebuildProgress) -> Void
    ) async throws(WebError) -> StateReplay.State {
        do {
            return try await replay.run(to: position, progress: progress)
        } catch let error as ProjectionError {
            throw WebError(409, error.message, code: error.code.rawValue)
        } catch {
            logger.warning("a replay ended early", metadata: ["error": "\(error)"])
            throw WebError.unavailable("The replay ended early: the database could not be reached.")
        }
    }

    private static func line(_ name: String, _ progress: RebuildProgress) -> WebValue {
        [
            "projection": .string(name), "phase": .string(progress.phase.rawValue), "position": .integer(progress.position),
            "target": .integer(progress.target),
        ]
    }
}
