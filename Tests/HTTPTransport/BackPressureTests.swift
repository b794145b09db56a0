import HTTPTransport
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct BackPressureTests {
    static let size = 80_000_000
    static let block = 160_000

    /// What two kernels' socket buffers and a server's own may hold, and, over HTTP/2, the 32 MiB that libcurl offers a stream;
    /// far below what is sent.
    private func bound(_ http2: Bool) -> Int { http2 ? 55_000_000 : 20_000_000 }

    private func with(
        _ http2: Bool, _ handler: @escaping TestServer.Handler, _ body: (TestServer, HTTPTransport) async throws -> Void
    ) async throws {
        try await Certificates.with { certificates in
            try await TestServer.with(over: http2 ? .http2(certificates.good) : .plain, handler) { server in
                try await withTransport(.init(certificateAuthorities: certificates.authority)) { try await body(server, $0) }
            }
        }
    }

    @Test(arguments: [false, true]) func aSlowReaderHoldsTheServerBack(_ http2: Bool) async throws {
        let written = Count()
        try await with(http2) { _, exchange in
            try await exchange.head()
            for index in 0..<Self.size / Self.block {
                try await exchange.write([UInt8](repeating: UInt8(truncatingIfNeeded: index), count: Self.block))
                written.add(Self.block)
            }
            try await exchange.end()
        } _: { server, transport in
            let response = try await transport.get(server.url())
            let held = try await written.settled()
            #expect(held < bound(http2))
            var read = 0
            while let chunk = try await response.next() {
                // What the transport itself holds: the mark and at most one read beyond it.
                #expect(chunk.count <= 65_536 + 16_384)
                // Each byte says which block it is of.
                #expect(chunk[0] == UInt8(truncatingIfNeeded: read / Self.block))
                read += chunk.count
                #expect(chunk[chunk.count - 1] == UInt8(truncatingIfNeeded: (read - 1) / Self.block))
            }
            #expect(read == Self.size)
        }
    }

    @Test(arguments: [false, true]) func aSlowServerHoldsTheProducerBack(_ http2: Bool) async throws {
        let made = Count()
        let gate = AsyncStream<Void>.makeStream()
        try await with(http2) { _, exchange in
            for await _ in gate.stream {}
            var read = 0
            while let chunk = try await exchange.nextChunk() { read += chunk.readableBytes }
            try await exchange.answer(200, [], "\(read)")
        } _: { server, transport in
            async let answer = transport.fetch(
                .init(
                    url: server.url(),
                    body: .stream(length: nil) {
                        if made.value >= Self.size { return nil }
                        made.add(100_000)
                        return [UInt8](repeating: 1, count: 100_000)
                    }))
            let held = try await made.settled()
            #expect(held < bound(false))
            gate.continuation.finish()
            let body = try await answer.body
            #expect(body == "\(Self.size)")
        }
    }
}
