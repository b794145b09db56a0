import CPostgres
import Glibc
import Logging
import Synchronization

/// A connection that libpq has opened and nobody uses yet.
///
/// `@unchecked Sendable`: a C pointer is never Sendable; libpq allows a connection to move between threads as long as one at a
/// time uses it, and this is handed on once, from the thread that opened it to the state that owns it.
struct OpenedConnection: @unchecked Sendable {
    let pointer: OpaquePointer
    /// Released by whoever finishes the connection.
    let notices: Unmanaged<NoticeSink>

    func finish() {
        PQfinish(pointer)
        notices.release()
    }
}

/// One attempt to open a connection: made on a helper thread, given up at its deadline or when its task is cancelled.
final class ConnectionOpening: ReactorClient {
    private typealias Waiter = CheckedContinuation<Result<OpenedConnection, PostgresError>, Never>

    private enum State {
        case idle
        case waiting(Waiter)
        case ended(PostgresError?)
    }

    private let reactor: Reactor
    private let id: UInt64
    private let state = Mutex(State.idle)

    private init(reactor: Reactor) {
        self.reactor = reactor
        id = reactor.newID()
    }

    static func open(
        _ configuration: PostgresConfiguration, reactor: Reactor, deadline: UInt64, logger: Logger
    ) async throws(PostgresError) -> OpenedConnection {
        let parameters = try configuration.connectionParameters()
        let opening = ConnectionOpening(reactor: reactor)
        reactor.add(opening, id: opening.id)
        defer { reactor.remove(opening.id) }
        reactor.schedule(opening.id, at: deadline)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { opening.start(parameters, deadline, logger, $0) }
        } onCancel: {
            opening.end(.failure(PostgresError(.cancelled, "the task was cancelled while it connected")))
        }
        return try result.get()
    }

    func ready(_ events: UInt32) {}

    func timerFired(_ now: UInt64) { end(.failure(Self.late)) }

    private static let late = PostgresError(.deadlineExceeded, "the server did not take the connection in time")

    private func start(_ parameters: [(String, String)], _ deadline: UInt64, _ logger: Logger, _ waiter: Waiter) {
        let ended: PostgresError? = state.withLock { state in
            if case .ended(let error) = state { return error }
            state = .waiting(waiter)
            return nil
        }
        if let ended { return waiter.resume(returning: .failure(ended)) }
        let started = HelperThread.start { [self] in end(Self.connect(parameters, deadline, logger)) }
        if !started { end(.failure(PostgresError(.connectionFailed, "too many connections are being opened"))) }
    }

    /// The first outcome counts; a connection that comes too late is closed.
    private func end(_ result: Result<OpenedConnection, PostgresError>) {
        let waiter: Waiter?? = state.withLock { state in
            defer {
                if case .failure(let error) = result { state = .ended(error) } else { state = .ended(nil) }
            }
            switch state {
            case .idle: return .some(nil)
            case .waiting(let waiter): return waiter
            case .ended: return nil
            }
        }
        if case .some(.some(let waiter)) = waiter {
            waiter.resume(returning: result)
        } else if case .success(let opened) = result {
            opened.finish()
        }
    }

    /// Blocks until the connection stands, fails, or `deadline` passes.
    private static func connect(
        _ parameters: [(String, String)], _ deadline: UInt64, _ logger: Logger
    ) -> Result<OpenedConnection, PostgresError> {
        guard let pg = start(parameters) else {
            return .failure(PostgresError(.connectionFailed, "no memory for a connection"))
        }
        let opened = OpenedConnection(pointer: pg, notices: NoticeSink.install(on: pg, logger: logger))
        // Only a message that is verbose has the SQLSTATE of a connection that is refused.
        PQsetErrorVerbosity(pg, PQERRORS_VERBOSE)
        do {
            try wait(for: pg, deadline)
            PQsetErrorVerbosity(pg, PQERRORS_DEFAULT)
            return .success(opened)
        } catch {
            opened.finish()
            return .failure(error)
        }
    }

    private static func wait(for pg: OpaquePointer, _ deadline: UInt64) throws(PostgresError) {
        var status = PQstatus(pg) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
        while status != PGRES_POLLING_OK {
            guard status != PGRES_POLLING_FAILED else { throw failure(of: pg) }
            let now = MonotonicClock.now()
            guard now < deadline else { throw late }
            var waiting = pollfd(
                fd: PQsocket(pg), events: Int16(status == PGRES_POLLING_READING ? POLLIN : POLLOUT), revents: 0)
            if poll(&waiting, 1, Int32(min((deadline - now) / 1_000_000 + 1, 60_000))) > 0 { status = PQconnectPoll(pg) }
        }
        guard PQsetnonblocking(pg, 1) == 0 else { throw failure(of: pg) }
    }

    private static func failure(of pg: OpaquePointer) -> PostgresError {
        PostgresError(refusedWith: PostgresError.firstLine(of: PQerrorMessage(pg)) ?? "no connection")
    }

    private static func start(_ parameters: [(String, String)]) -> OpaquePointer? {
        var keywords: [UnsafeMutablePointer<CChar>?] = parameters.map { strdup($0.0) }
        var values: [UnsafeMutablePointer<CChar>?] = parameters.map { strdup($0.1) }
        defer { for pointer in keywords + values { free(pointer) } }
        guard !keywords.contains(nil), !values.contains(nil) else { return nil }
        keywords.append(nil)
        values.append(nil)
        return keywords.map { UnsafePointer($0) }.withUnsafeBufferPointer { keywords in
            values.map { UnsafePointer($0) }.withUnsafeBufferPointer { values in
                PQconnectStartParams(keywords.baseAddress, values.baseAddress, 0)
            }
        }
    }
}
