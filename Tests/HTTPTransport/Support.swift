import HTTPTransport
import Logging
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
        try await execute(HTTPTransportRequest(method: "GET", url: url, headers: headers))
    }

    /// Sends a request and reads the whole answer.
    func fetch(_ request: HTTPTransportRequest) async throws(HTTPTransportError) -> (status: Int, body: String) {
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
