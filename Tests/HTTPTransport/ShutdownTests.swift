import HTTPTransport
import Logging
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct ShutdownTests {
    @Test func failsWhatIsInFlight() async throws {
        try await RawServer.with([.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")]) { server in
            let transport = HTTPTransport(logger: Logger(label: "test"))
            let reading = try await transport.get(server.url())
            #expect(try await reading.next() == Array("abc".utf8))
            async let waitsForBody = failure { () async throws(HTTPTransportError) in try await reading.next() }
            async let waitsForHead = failure { () async throws(HTTPTransportError) in try await transport.get(server.url()) }
            let connecting = "https://127.0.0.1:\(server.port)/"
            async let waitsForTLS = failure { () async throws(HTTPTransportError) in try await transport.get(connecting) }
            #expect(
                await eventually {
                    server.requests.load(ordering: .relaxed) == 2 && server.connections.load(ordering: .relaxed) == 3
                })
            await transport.shutdown()
            for (error, sent) in [(await waitsForBody, true), (await waitsForHead, true), (await waitsForTLS, false)] {
                #expect(error?.code == .shutDown)
                #expect(error?.sentRequest == sent)
            }
            #expect(transport.inFlight == 0)
            #expect(await eventually { server.closed.load(ordering: .relaxed) == 3 })
        }
    }

    @Test func refusesWhatComesLater() async throws {
        let transport = HTTPTransport(logger: Logger(label: "test"))
        await transport.shutdown()
        await transport.shutdown()
        let error = await failure { () async throws(HTTPTransportError) in try await transport.get("http://127.0.0.1:1/") }
        #expect(error?.code == .shutDown)
        #expect(error?.sentRequest == false)
        #expect(transport.inFlight == 0)
    }

    /// Requests that arrive while it ends are answered too, each one way or the other.
    @Test func racesWithRequests() async throws {
        try await TestServer.with(echo) { server in
            for _ in 0..<10 {
                let transport = HTTPTransport(logger: Logger(label: "test"))
                let url = server.url()
                await withTaskGroup { group in
                    for _ in 0..<20 {
                        group.addTask {
                            do throws(HTTPTransportError) {
                                for _ in 0..<200 { _ = try await transport.fetch(.init(url: url, body: .bytes([65]))) }
                            } catch {
                                #expect(error.code == .shutDown)
                            }
                        }
                    }
                    group.addTask {
                        try? await Task.sleep(for: .milliseconds(15))
                        await transport.shutdown()
                    }
                }
                #expect(transport.inFlight == 0)
            }
        }
    }

    @Test func happensWhenTheTransportIsLetGo() async throws {
        try await RawServer.with([.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")]) { server in
            do {
                let transport = HTTPTransport(logger: Logger(label: "test"))
                _ = try await transport.fetch(.init(url: server.url()))
                #expect(server.closed.load(ordering: .relaxed) == 0)
            }
            #expect(await eventually { server.closed.load(ordering: .relaxed) == 1 })
        }
    }
}
