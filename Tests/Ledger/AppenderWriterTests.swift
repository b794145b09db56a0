import Postgres
import Synchronization
import Testing

@testable import Ledger

/// What the appender does between one sending of a batch and the next.
@Suite(.timeLimit(.minutes(2))) struct AppenderWriterTests {
    /// A server that answers and takes nothing is waited for no longer than one that is away, however often it is connected to
    /// meanwhile; what it says reaches the caller.
    @Test func aServerThatTakesNothingIsNotWaitedForLonger() async throws {
        let refusal = PostgresError(.server, "permission denied for function append", sqlState: "42501")
        let server = ScriptedServer(failures: Array(repeating: refusal, count: 10_000))
        let appender = Appender(server: server, surroundings: .machine, patience: .seconds(1), logger: quietLogger)
        let running = Task { try await appender.run() }
        let start = ContinuousClock.now
        let error = await #expect(throws: AppendError.self) {
            try await appender.append(Command(Cast().grant()), deadline: .seconds(100))
        }
        #expect(ContinuousClock.now - start < .seconds(50))
        #expect(error?.code == .unavailable && error?.outcomeUnknown == false)
        #expect(error?.message.contains("42501") == true)
        #expect(server.connections > 1, "what is wrong may be the session's")
        await appender.shutdown()
        try await running.value
    }
}

/// A ledger whose first answers a test has written down; after those it takes everything.
private final class ScriptedServer: AppendServer {
    private struct State {
        var failures: [PostgresError]
        var connections = 0
        /// The newest connection that broke.
        var broken = 0
    }

    private let state: Mutex<State>

    init(failures: [PostgresError]) { state = Mutex(State(failures: failures)) }

    var connections: Int { state.withLock { $0.connections } }

    func connect() async throws -> any AppendSession {
        let number = state.withLock { state in
            state.connections += 1
            return state.connections
        }
        return Session(server: self, number: number)
    }

    private struct Session: AppendSession {
        let server: ScriptedServer
        let number: Int

        var isOpen: Bool { server.state.withLock { $0.broken < number } }

        func append(_ commands: [Command]) async throws(PostgresError) -> [AppendResult]? {
            let answer = server.state.withLock { state -> Result<[AppendResult], PostgresError> in
                if !state.failures.isEmpty {
                    let failure = state.failures.removeFirst()
                    if failure.code == .connectionLost { state.broken = number }
                    return .failure(failure)
                }
                return .success(commands.map { _ in .appended(first: 1, last: 1) })
            }
            return try answer.get()
        }

        func ask() async throws(PostgresError) {}

        func close() async {}
    }
}
