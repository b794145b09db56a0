import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ListenTests {
    @Test func notificationsComeInOrder() async throws {
        try await withConnection { listener in
            try await withConnection { sender in
                let channel = "a \"quoted\" Channel \(UUID())"
                let stream = try await listener.listen(channel)
                let second = try await listener.listen(channel)
                for n in 0..<50 { try await sender.query("SELECT pg_notify($1, $2)", [.text(channel), .text("\(n)")]) }
                try await sender.query("SELECT pg_notify('another', '')")
                for listening in [stream, second] {
                    var received: [String] = []
                    for await payload in listening {
                        received.append(payload)
                        if received.count == 50 { break }
                    }
                    #expect(received == (0..<50).map(String.init))
                }
            }
        }
    }

    @Test func droppingTheStreamStopsListening() async throws {
        try await withConnection { c in
            var stream: AsyncStream<String>? = try await c.listen("dropped")
            #expect(try await c.integer("SELECT count(*) FROM pg_listening_channels()") == 1)
            stream = nil
            _ = stream
            #expect(try await c.integer("SELECT count(*) FROM pg_listening_channels()") == 0)
        }
    }

    @Test func theStreamEndsWithTheConnection() async throws {
        try await withConnection { c in
            let stream = try await c.listen("ending")
            try await withConnection { killer in
                try await killer.query("SELECT pg_terminate_backend($1)", [.int4(c.backendPID)])
            }
            for await _ in stream {}
            #expect(!c.isOpen)
            #expect(await failure { _ = try await c.listen("late") }?.code == .connectionLost)
        }
    }
}
