import HTTPTransport
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct BackPressureTests {
    /// What two kernels' socket buffers and a server's own may hold; far below what is sent.
    static let bound = 20_000_000
    static let size = 50_000_000

    @Test func aSlowReaderHoldsTheServerBack() async throws {
        let written = Count()
        try await TestServer.with { _, exchange in
            try await exchange.head()
            for index in 0..<500 {
                try await exchange.write([UInt8](repeating: UInt8(truncatingIfNeeded: index), count: Self.size / 500))
                written.add(Self.size / 500)
            }
            try await exchange.end()
        } _: { server in
            try await withTransport { transport in
                let response = try await transport.get(server.url())
                let held = try await written.settled()
                #expect(held < Self.bound)
                var read = 0
                var sum = 0
                while let chunk = try await response.next() {
                    // What the transport itself holds: the mark and at most one read beyond it.
                    #expect(chunk.count <= 65_536 + 16_384)
                    read += chunk.count
                    for byte in chunk { sum &+= Int(byte) }
                }
                #expect(read == Self.size)
                #expect(sum == (0..<500).reduce(0) { $0 + ($1 & 0xFF) * (Self.size / 500) })
            }
        }
    }

    @Test func aSlowServerHoldsTheProducerBack() async throws {
        let made = Count()
        let gate = AsyncStream<Void>.makeStream()
        try await TestServer.with { _, exchange in
            for await _ in gate.stream {}
            var read = 0
            while let chunk = try await exchange.nextChunk() { read += chunk.readableBytes }
            try await exchange.answer(200, [], "\(read)")
        } _: { server in
            try await withTransport { transport in
                async let answer = transport.fetch(
                    .init(
                        url: server.url(),
                        body: .stream(length: nil) {
                            if made.value >= Self.size { return nil }
                            made.add(100_000)
                            return [UInt8](repeating: 1, count: 100_000)
                        }))
                let held = try await made.settled()
                #expect(held < Self.bound)
                gate.continuation.finish()
                let body = try await answer.body
                #expect(body == "\(Self.size)")
            }
        }
    }
}
