import Postgres
import Synchronization
import TestSupport
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

    /// A server that answers and takes nothing is not ready, although it can be asked: only the next command finds that it is again.
    @Test func aServerThatTakesNothingIsNotReady() async throws {
        let refusal = PostgresError(.server, "permission denied for function append", sqlState: "42501")
        let server = ScriptedServer(failures: [])
        server.mood = .refuses(refusal)
        let appender = Appender(server: server, surroundings: .machine, patience: .milliseconds(50), logger: quietLogger)
        #expect(appender.isReady, "nothing is known against it")
        let running = Task { try await appender.run() }
        await #expect(throws: AppendError.self) { try await appender.append(Command(Cast().grant())) }
        try await eventually("the server is found to answer") { appender.isAvailable }
        #expect(!appender.isReady)
        server.mood = .takesAll
        try await eventually("the server takes a command") {
            do {
                _ = try await appender.append(Command(Cast().grant()))
                return true
            } catch is AppendError { return false }
        }
        #expect(appender.isReady)
        await appender.shutdown()
        try await running.value
    }

    /// Nobody appends, and still it is known that the server has gone, and that it is back.
    @Test func anIdleAppenderNoticesThatItsServerHasGone() async throws {
        let server = ScriptedServer(failures: [])
        let appender = Appender(server: server, surroundings: .machine, patience: .milliseconds(50), logger: quietLogger)
        let running = Task { try await appender.run() }
        let watching = Task { await appender.watch() }
        _ = try await appender.append(Command(Cast().grant()), deadline: .seconds(100))
        server.mood = .isAway
        try await eventually("the loss is noticed") { !appender.isAvailable && !appender.isReady }
        server.mood = .takesAll
        try await eventually("the return is noticed") { appender.isAvailable && appender.isReady }
        watching.cancel()
        await watching.value
        await appender.shutdown()
        try await running.value
    }

    /// Whoever gave up while the connection was made was told that its command is not in the ledger and will not be.
    @Test func whoGaveUpWhileItConnectedIsNotSent() async throws {
        let broken = PostgresError(.connectionLost, "broken", outcomeUnknown: false)
        let server = ScriptedServer(failures: [broken], holdsSecondConnection: true)
        let appender = Appender(server: server, surroundings: .machine, patience: .seconds(100), logger: quietLogger)
        let running = Task { try await appender.run() }
        let error = await #expect(throws: AppendError.self) {
            try await appender.append(Command(Cast().grant()), deadline: .seconds(3))
        }
        #expect(error?.outcomeUnknown == false)
        #expect(server.connections == 2)
        server.letGo()
        let later = try Cast().grant()
        _ = try await appender.append(Command(later), deadline: .seconds(100))
        #expect(server.appended == [later.id])
        await appender.shutdown()
        try await running.value
    }

    /// What may have been committed with its batch may have been as well once the batch is halved.
    @Test func aHalvedBatchMayStillBeCommitted() async throws {
        let lost = PostgresError(.connectionLost, "broken", outcomeUnknown: true)
        let poison = PostgresError(.server, "poison", sqlState: "22P02")
        let full = PostgresError(.server, "no space left on device", sqlState: "53100")
        let server = ScriptedServer(failures: [lost, poison] + Array(repeating: full, count: 10_000))
        let appender = Appender(server: server, surroundings: .machine, patience: .seconds(100), logger: quietLogger)
        let (one, other) = (try Command(Cast().grant()), try Command(Cast().grant()))
        async let first = Self.failure(of: one, appender)
        async let second = Self.failure(of: other, appender)
        while appender.statistics.queued < 2 { try await Task.sleep(for: .milliseconds(2)) }
        let running = Task { try await appender.run() }
        let errors = await [first, second]
        #expect(errors.map { $0?.outcomeUnknown } == [true, true])
        await appender.shutdown()
        try await running.value
    }

    private static func failure(of command: Command, _ appender: Appender) async -> AppendError? {
        do {
            _ = try await appender.append(command, deadline: .seconds(4))
            return nil
        } catch { return error }
    }
}

/// A ledger whose first answers a test has written down; after those it takes everything.
private final class ScriptedServer: AppendServer {
    /// What it does when there is nothing more written down.
    enum Mood: Sendable { case takesAll, refuses(PostgresError), isAway }

    private struct Away: Error {}

    private struct State {
        var failures: [PostgresError]
        var mood = Mood.takesAll
        var connections = 0
        /// The newest connection that broke.
        var broken = 0
        /// Whether the second connection is not made yet.
        var isHeld: Bool
        var appended: [EventID] = []
    }

    private let state: Mutex<State>

    init(failures: [PostgresError], holdsSecondConnection: Bool = false) {
        state = Mutex(State(failures: failures, isHeld: holdsSecondConnection))
    }

    var mood: Mood {
        get { state.withLock { $0.mood } }
        set { state.withLock { $0.mood = newValue } }
    }
    private var isAway: Bool { if case .isAway = mood { true } else { false } }
    var connections: Int { state.withLock { $0.connections } }
    var appended: [EventID] { state.withLock { $0.appended } }

    func letGo() { state.withLock { $0.isHeld = false } }

    func connect() async throws -> any AppendSession {
        if isAway { throw Away() }
        let number = state.withLock { state in
            state.connections += 1
            return state.connections
        }
        while number > 1, state.withLock({ $0.isHeld }) { try await Task.sleep(for: .milliseconds(2)) }
        return Session(server: self, number: number)
    }

    private struct Session: AppendSession {
        let server: ScriptedServer
        let number: Int

        var isOpen: Bool { !server.isAway && server.state.withLock { $0.broken < number } }

        func append(_ commands: [Command]) async throws(PostgresError) -> [AppendResult]? {
            let answer = server.state.withLock { state -> Result<[AppendResult], PostgresError> in
                if !state.failures.isEmpty {
                    let failure = state.failures.removeFirst()
                    if failure.code == .connectionLost { state.broken = number }
                    return .failure(failure)
                }
                if case .refuses(let refusal) = state.mood { return .failure(refusal) }
                return .success(
                    commands.map { command -> AppendResult in
                        state.appended.append(command.events[0].id)
                        let position = Int64(state.appended.count)
                        return .appended(first: position, last: position)
                    })
            }
            return try answer.get()
        }

        func ask() async throws(PostgresError) {}

        func close() async {}
    }
}
