import HTTPTransport
import TestSupport
import Testing

/// Against the mock provider, which misbehaves as providers do.
@Suite(
    .timeLimit(.minutes(2)),
    .enabled(if: MockProvider.source != nil, "the mock provider's source is not there: set LLMGATEWAY_SHARED"))
struct MockProviderTests {
    private func request(_ mock: MockProvider, _ model: String, stream: Bool = false) -> HTTPTransportRequest {
        HTTPTransportRequest(
            url: mock.baseURL + "/chat/completions", headers: [("content-type", "application/json")],
            body: .bytes(Array(#"{"model":"\#(model)","stream":\#(stream),"messages":[]}"#.utf8)),
            deadlines: .init(connect: .seconds(60)))
    }

    private func with(_ body: (MockProvider, HTTPTransport) async throws -> Void) async throws {
        let mock = try await MockProvider()
        do {
            try await withTransport { try await body(mock, $0) }
        } catch {
            await mock.tearDown()
            throw error
        }
        await mock.tearDown()
    }

    @Test func answers() async throws {
        try await with { mock, transport in
            for model in ["mock", "mock-tool", "mock-big"] {
                let answer = try await transport.fetch(request(mock, model))
                #expect(answer.status == 200)
                #expect(answer.body.hasPrefix("{") && answer.body.hasSuffix("}"))
            }
            #expect(transport.connectionsOpened == 1)
        }
    }

    @Test(arguments: [("mock-429", 429), ("mock-500", 500), ("mock-503", 503), ("mock-401", 401), ("mock-400", 400)])
    func givesErrorsAsTheyAre(_ model: String, _ status: Int) async throws {
        try await with { mock, transport in
            let response = try await transport.execute(request(mock, model))
            #expect(response.status == status)
            #expect(response.header("retry-after") == (status == 429 ? "2" : nil))
            let body = try await response.collect(upTo: 10_000)
            #expect(!body.isEmpty)
        }
    }

    @Test func streams() async throws {
        try await with { mock, transport in
            let response = try await transport.execute(request(mock, "mock-c20-i20", stream: true))
            #expect(response.header("content-type") == "text/event-stream; charset=utf-8")
            let text = try await response.collect(upTo: 100_000)
            let events = String(decoding: text, as: UTF8.self).split(separator: "\n\n")
            #expect(events.count == 23)
            #expect(events.last == "data: [DONE]")
        }
    }

    @Test(arguments: [false, true]) func tellsWhenABodyIsCutOff(_ stream: Bool) async throws {
        try await with { mock, transport in
            var got = 0
            let error = await failure { () async throws(HTTPTransportError) in
                let response = try await transport.execute(request(mock, "mock-drop", stream: stream))
                while let chunk = try await response.next() { got += chunk.count }
            }
            #expect(error?.code == .truncated)
            #expect(error?.sentRequest == true)
            #expect(got > 0)
        }
    }

    @Test func tellsWhenTheConnectionIsReset() async throws {
        try await with { mock, transport in
            let error = await failure { () async throws(HTTPTransportError) in
                try await transport.execute(request(mock, "mock-reset"))
            }
            #expect(error?.code == .reset)
            #expect(error?.sentRequest == true)
            let requests = try await mock.requests()
            #expect(requests == 1)
        }
    }

    @Test func cancelsWhatHangs() async throws {
        try await with { mock, transport in
            let hanging = request(mock, "mock-hang")
            let task = Task { await failure { () async throws(HTTPTransportError) in try await transport.execute(hanging) } }
            while try await mock.requests() < 1 { try await Task.sleep(for: .milliseconds(10)) }
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            while try await mock.statistics().aborted < 1 { try await Task.sleep(for: .milliseconds(10)) }
        }
    }

    /// Their first bytes come long before their last.
    @Test func cancelsStreams() async throws {
        try await with { mock, transport in
            for _ in 0..<20 {
                let response = try await transport.execute(request(mock, "mock-c1000-i10", stream: true))
                for _ in 0..<3 {
                    let chunk = try await response.next()
                    #expect(chunk != nil)
                }
                response.cancel()
            }
            while try await mock.statistics().aborted < 20 { try await Task.sleep(for: .milliseconds(10)) }
        }
    }
}
