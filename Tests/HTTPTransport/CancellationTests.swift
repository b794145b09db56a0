import HTTPTransport
import NIOHTTP1
import Synchronization
import Testing

/// Writes until the client is gone.
let endless: TestServer.Handler = { _, exchange in
    try await exchange.head()
    while true {
        try await exchange.write([UInt8](repeating: 1, count: 100))
        try await Task.sleep(for: .milliseconds(5))
    }
}

@Suite(.timeLimit(.minutes(2))) struct CancellationTests {
    @Test func ofTheTaskThatWaitsForTheHead() async throws {
        try await RawServer.with([]) { server in
            try await withTransport { transport in
                let url = server.url()
                let task = Task { await failure { () async throws(HTTPTransportError) in try await transport.get(url) } }
                #expect(await eventually { server.requests.load(ordering: .relaxed) == 1 })
                task.cancel()
                let error = await task.value
                #expect(error?.code == .cancelled)
                #expect(error?.sentRequest == true)
                #expect(await eventually { server.closed.load(ordering: .relaxed) == 1 })
            }
        }
    }

    @Test func ofATaskBeforeItBegins() async throws {
        try await RawServer.with([]) { server in
            try await withTransport { transport in
                let url = server.url()
                let task = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return await failure { () async throws(HTTPTransportError) in try await transport.get(url) }
                }
                let error = await task.value
                #expect(error?.code == .cancelled)
                #expect(error?.sentRequest == false)
                #expect(transport.inFlight == 0)
                #expect(server.connections.load(ordering: .relaxed) == 0)
            }
        }
    }

    @Test func ofTheTaskThatReads() async throws {
        try await TestServer.with(endless) { server in
            try await withTransport { transport in
                let url = server.url()
                let got = Count()
                await withTaskGroup { group in
                    group.addTask {
                        let error = await failure { () async throws(HTTPTransportError) in
                            let response = try await transport.get(url)
                            while let chunk = try await response.next() { got.add(chunk.count) }
                        }
                        #expect(error?.code == .cancelled)
                        #expect(error?.sentRequest == true)
                    }
                    #expect(await eventually { got.value > 300 })
                    group.cancelAll()
                }
                #expect(await eventually { server.broken == 1 })
                #expect(await eventually { transport.inFlight == 0 })
            }
        }
    }

    @Test func byTheResponsesOwnMethod() async throws {
        try await TestServer.with(endless) { server in
            try await withTransport { transport in
                let response = try await transport.get(server.url())
                _ = try await response.next()
                response.cancel()
                let error = await failure { () async throws(HTTPTransportError) in try await response.next() }
                #expect(error?.code == .cancelled)
                #expect(await eventually { server.broken == 1 })
            }
        }
    }

    @Test func byLettingGoOfTheResponse() async throws {
        try await TestServer.with(endless) { server in
            try await withTransport { transport in
                for _ in 0..<10 { _ = try await transport.get(server.url()).status }
                #expect(await eventually { server.broken == 10 })
                #expect(await eventually { transport.inFlight == 0 })
            }
        }
    }

    @Test func ofAReaderThatIsBehind() async throws {
        try await TestServer.with { _, exchange in
            try await exchange.head()
            while true { try await exchange.write([UInt8](repeating: 1, count: 100_000)) }
        } _: { server in
            try await withTransport { transport in
                let response = try await transport.get(server.url())
                try await Task.sleep(for: .milliseconds(200))
                response.cancel()
                #expect(await eventually { server.broken == 1 })
            }
        }
    }

    @Test func ofAnUploadEndsItsProducer() async throws {
        try await RawServer.with([.write("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n")]) { server in
            try await withTransport { transport in
                let ended = Count()
                do {
                    _ = try await transport.execute(
                        .init(
                            url: server.url(),
                            body: .stream(length: nil) {
                                defer { if Task.isCancelled { ended.add(1) } }
                                try await Task.sleep(for: .seconds(60))
                                return nil
                            })
                    ).status
                }
                #expect(await eventually { ended.value == 1 })
                #expect(await eventually { server.closed.load(ordering: .relaxed) == 1 })
            }
        }
    }

    @Test func racesWithEverythingAndLosesNothing() async throws {
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                let url = server.url()
                await withTaskGroup { group in
                    for index in 0..<400 {
                        group.addTask {
                            let task = Task {
                                do throws(HTTPTransportError) {
                                    let answer = try await transport.fetch(.init(url: url, body: .bytes(Array("\(index)".utf8))))
                                    #expect(answer.body == "\(index)")
                                } catch {
                                    #expect(error.code == .cancelled)
                                }
                            }
                            try? await Task.sleep(for: .microseconds(Int.random(in: 0...3_000)))
                            task.cancel()
                            await task.value
                        }
                    }
                }
                #expect(await eventually { transport.inFlight == 0 })
                let answer = try await transport.fetch(.init(url: url, body: .bytes([65])))
                #expect(answer.body == "A")
            }
        }
    }
}
