import Foundation
import HTTPTransport
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Everything at once on one transport: right answers stay right whatever happens to the requests beside them.
@Suite struct StormTests {
    /// Answers by path, and misbehaves by path.
    private static let handler: TestServer.Handler = { head, exchange in
        switch head.uri {
        case "/echo": return try await echo(head, exchange)
        case "/endless": return try await endless(head, exchange)
        case "/silent": try await Task.sleep(for: .seconds(600))
        case "/cut":
            try await exchange.head(200, [("content-length", "1000")])
            try await exchange.write([1, 2, 3])
            fallthrough
        default:
            if exchange.isHTTP2 { try await exchange.reset() } else { try await exchange.closeConnection() }
        }
    }

    private struct Worker {
        let transport: HTTPTransport
        let server: TestServer
        var random: SeededGenerator

        mutating func step() async {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3: await echo()
            case 4: await cancel("/echo")
            case 5: await cancel(Bool.random(using: &random) ? "/endless" : "/silent")
            case 6: await late(Bool.random(using: &random) ? "/endless" : "/silent")
            // A reset may overtake the head of an HTTP/2 stream.
            case 7: await broken("/cut", [.truncated, .reset])
            case 8: await broken("/reset", [.reset])
            default: await letGo()
            }
        }

        /// The one that must succeed.
        private mutating func echo() async {
            let size = [0, 1, 1_000, 65_536, 200_000].randomElement(using: &random) ?? 0
            let first = UInt8.random(in: 0...255, using: &random)
            let bytes = (0..<size).map { first &+ UInt8(truncatingIfNeeded: $0) }
            do {
                let response = try await transport.execute(
                    .init(url: server.url("/echo"), body: .bytes(bytes), deadlines: .init(connect: .seconds(60))))
                if Bool.random(using: &random) { try await Task.sleep(for: .milliseconds(1)) }
                #expect(try await response.collect(upTo: size) == bytes)
            } catch {
                Issue.record("\(server.url()) with \(size) bytes: \(error)")
            }
        }

        private mutating func cancel(_ path: String) async {
            let request = HTTPTransportRequest(url: server.url(path), body: .bytes([UInt8](repeating: 7, count: 70_000)))
            let microseconds = Int.random(in: 0...5_000, using: &random)
            let transport = transport
            let task = Task {
                do throws(HTTPTransportError) {
                    _ = try await transport.fetch(request)
                } catch {
                    // An endless answer may have become too long to be collected before it was cancelled.
                    #expect(error.code == .cancelled || path == "/endless" && error.code == .tooLarge, "\(error)")
                }
            }
            try? await Task.sleep(for: .microseconds(microseconds))
            task.cancel()
            await task.value
        }

        private mutating func late(_ path: String) async {
            let total = Duration.milliseconds(Int.random(in: 1...20, using: &random))
            let error = await failure { () async throws(HTTPTransportError) in
                try await transport.fetch(.init(method: "GET", url: server.url(path), deadlines: .init(total: total)))
            }
            #expect(error?.code == .totalDeadline, "\(error as Any)")
        }

        private func broken(_ path: String, _ codes: [HTTPTransportError.Code]) async {
            let error = await failure { () async throws(HTTPTransportError) in
                try await transport.fetch(.init(method: "GET", url: server.url(path)))
            }
            #expect(error.map { codes.contains($0.code) } == true, "\(path): \(error as Any)")
            #expect(error?.sentRequest == true)
        }

        private func letGo() async {
            do {
                _ = try await transport.get(server.url("/endless")).status
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    @Test func rightAnswersStayRight() async throws {
        let seed = TestEnvironment.seed("the storm over the transport")
        let minutes = ProcessInfo.processInfo.environment["LLMGATEWAY_SOAK"].flatMap(Double.init)
        let end = minutes.map { ContinuousClock.now + .seconds($0 * 60) }
        try await Certificates.with { certificates in
            try await TestServer.with(over: .http2(certificates.good), Self.handler) { http2 in
                try await TestServer.with(Self.handler) { http1 in
                    let configuration = HTTPTransportConfiguration(certificateAuthorities: certificates.authority)
                    try await withTransport(configuration) { transport in
                        await withTaskGroup { group in
                            for index in 0..<16 {
                                group.addTask {
                                    var worker = Worker(
                                        transport: transport, server: index % 2 == 0 ? http2 : http1,
                                        random: SeededGenerator(seed: seed &+ UInt64(index)))
                                    var steps = 0
                                    while steps < 40 || end.map({ ContinuousClock.now < $0 }) ?? false {
                                        await worker.step()
                                        steps += 1
                                    }
                                }
                            }
                        }
                        #expect(await eventually { transport.inFlight == 0 })
                        for server in [http1, http2] {
                            let answer = try await transport.fetch(.init(url: server.url("/echo"), body: .bytes([65])))
                            #expect(answer.body == "A")
                        }
                    }
                }
            }
        }
    }
}
