import HTTPTransport
import Logging
import Synchronization
import Testing

/// Runs `body` with a transport of its own and shuts it down.
func withTransport<Value>(
    _ configuration: HTTPTransportConfiguration = .init(), _ body: (HTTPTransport) async throws -> Value
) async throws -> Value {
    var logger = Logger(label: "test")
    logger.logLevel = .error
    let transport = HTTPTransport(configuration: configuration, logger: logger)
    do {
        let value = try await body(transport)
        await transport.shutdown()
        #expect(transport.inFlight == 0)
        return value
    } catch {
        await transport.shutdown()
        throw error
    }
}

extension HTTPTransport {
    func get(_ url: String, headers: [(String, String)] = []) async throws(HTTPTransportError) -> HTTPTransportResponse {
        try await execute(
            HTTPTransportRequest(method: "GET", url: url, headers: headers, deadlines: .init(connect: .seconds(60))))
    }

    /// Sends a request and reads the whole answer.
    func fetch(_ request: HTTPTransportRequest) async throws(HTTPTransportError) -> (status: Int, body: String) {
        var request = request
        // A busy machine can be slower than the default, which these tests are not about.
        if request.deadlines == .init() { request.deadlines.connect = .seconds(60) }
        let response = try await execute(request)
        let body = try await response.collect(upTo: 1 << 24)
        return (response.status, String(decoding: body, as: UTF8.self))
    }
}

/// The error that the operation throws; records an issue when it throws none.
func failure(_ operation: () async throws(HTTPTransportError) -> some Any) async -> HTTPTransportError? {
    do throws(HTTPTransportError) {
        _ = try await operation()
        Issue.record("expected an error")
        return nil
    } catch {
        return error
    }
}

/// A number that several tasks see.
final class Count: Sendable {
    private let atomic = Atomic(0)
    var value: Int { atomic.load(ordering: .relaxed) }
    func add(_ count: Int) { atomic.add(count, ordering: .relaxed) }
    func raise(to count: Int) { atomic.max(count, ordering: .relaxed) }

    /// Waits until it stands still.
    func settled() async throws -> Int {
        var last = -1
        while value != last {
            last = value
            try await Task.sleep(for: .milliseconds(150))
        }
        return last
    }
}

/// Waits until something that another thread does is seen; false after a time that no working machine needs.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
    for _ in 0..<3_000 {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return try await condition()
}
