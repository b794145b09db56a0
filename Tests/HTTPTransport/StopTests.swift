import HTTPTransport
import NIOHTTP1
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct StopTests {
    /// Reads the first bytes, then ends the transfer while more are at hand that nobody has read yet.
    private func end(
        _ end: (HTTPTransportResponse) -> Void
    ) async throws -> (read: String, error: HTTPTransportError.Code?) {
        let isRead = Atomic(false)
        let hasWritten = Atomic(false)
        return try await TestServer.with { head, exchange in
            guard head.uri == "/stream" else { return try await exchange.answer() }
            try await exchange.head()
            try await exchange.write("first ".utf8)
            while !isRead.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(1)) }
            try await exchange.write("second ".utf8)
            hasWritten.store(true, ordering: .releasing)
            // Until the connection is closed.
            while true {
                try await Task.sleep(for: .milliseconds(5))
                try await exchange.write("more ".utf8)
            }
        } _: { server in
            try await withTransport { transport in
                let response = try await transport.get(server.url("/stream"))
                var read = String(decoding: try await response.next() ?? [], as: UTF8.self)
                isRead.store(true, ordering: .releasing)
                #expect(await eventually { hasWritten.load(ordering: .acquiring) })
                // The transport has one thread: with this answer it has seen what was written before it.
                _ = try await transport.fetch(.init(method: "GET", url: server.url("/other")))
                end(response)
                var code: HTTPTransportError.Code?
                do throws(HTTPTransportError) {
                    while let bytes = try await response.next() { read += String(decoding: bytes, as: UTF8.self) }
                } catch {
                    code = error.code
                }
                #expect(await eventually { server.broken == 1 })
                return (read, code)
            }
        }
    }

    @Test func whatCameBeforeAStopIsRead() async throws {
        let (read, code) = try await end { $0.stop() }
        #expect(read.hasPrefix("first second "))
        #expect(code == .cancelled)
    }

    @Test func whatCameBeforeACancellationIsLetGo() async throws {
        let (read, code) = try await end { $0.cancel() }
        #expect(read == "first ")
        #expect(code == .cancelled)
    }
}
