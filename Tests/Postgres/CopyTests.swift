import Glibc
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct CopyTests {
    static let rows = 100_000

    @Test func aHundredThousandRowsGoInAndOutAsText() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE t (id int8, body text)")
            let next = Mutex(0)
            let count = try await c.copyIn("COPY t FROM STDIN") {
                let start = next.withLock { next in
                    defer { next += 700 }
                    return next
                }
                guard start < Self.rows else { return nil }
                let end = min(start + 700, Self.rows)
                return (start..<end).flatMap { "\($0)\tbody of \($0)\n".utf8 }
            }
            #expect(count == Self.rows)
            #expect(
                try await c.query("SELECT sum(id)::int8 FROM t")[0].decode(0, as: Int.self) == Self.rows * (Self.rows - 1) / 2)
            let text = Mutex<[UInt8]>([])
            try await c.copyOut("COPY (SELECT * FROM t ORDER BY id) TO STDOUT") { chunk in
                #expect(chunk.last == UInt8(ascii: "\n"))
                text.withLock { $0 += chunk }
            }
            let expected = (0..<Self.rows).flatMap { "\($0)\tbody of \($0)\n".utf8 }
            #expect(text.withLock { $0 } == expected)
        }
    }

    @Test func binaryRowsGoFromOneTableToAnother() async throws {
        try await withConnection { c in
            try await c.script(
                """
                CREATE TEMP TABLE a AS SELECT g::int8 AS id, md5(g::text) AS hash FROM generate_series(1, \(Self.rows)) g;
                CREATE TEMP TABLE b (LIKE a)
                """)
            let chunks = Mutex<[[UInt8]]>([])
            try await c.copyOut("COPY a TO STDOUT (FORMAT binary)") { chunk in chunks.withLock { $0.append(chunk) } }
            #expect(chunks.withLock { $0.count } > 10)
            let unsent = Mutex(chunks.withLock { $0 }[...])
            #expect(try await c.copyIn("COPY b FROM STDIN (FORMAT binary)") { unsent.withLock { $0.popFirst() } } == Self.rows)
            #expect(try await c.integer("SELECT count(*) FROM (SELECT * FROM a EXCEPT SELECT * FROM b) x") == 0)
        }
    }

    struct SenderFailed: Error {}

    @Test func aFailingSenderUndoesTheCopy() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE t (id int8)")
            let first = Mutex(true)
            await #expect(throws: SenderFailed.self) {
                try await c.copyIn("COPY t FROM STDIN") {
                    if first.withLock({ first in
                        defer { first = false }
                        return first
                    }) {
                        return Array("1\n".utf8)
                    }
                    throw SenderFailed()
                }
            }
            #expect(try await c.integer("SELECT count(*) FROM t") == 0)
        }
    }

    @Test func badDataFailWithTheServersError() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE t (id int8)")
            let left = Mutex(50_000)
            let error = await failure {
                try await c.copyIn("COPY t FROM STDIN") {
                    left.withLock { left in
                        left -= 1
                        return left < 0 ? nil : Array("not a number\n".utf8)
                    }
                }
            }
            #expect(error?.sqlState == "22P02")
            #expect(await failure { try await c.copyIn("COPY missing FROM STDIN") { nil } }?.sqlState == "42P01")
            #expect(await failure { try await c.copyIn("SELECT 1") { nil } }?.code == .protocolViolation)
            #expect(await failure { try await c.copyOut("SELECT 1") { _ in } }?.code == .protocolViolation)
            #expect(try await c.integer("SELECT count(*) FROM t") == 0)
        }
    }

    @Test func aFailingReaderEndsTheCopy() async throws {
        try await withConnection { c in
            await #expect(throws: SenderFailed.self) {
                try await c.copyOut("COPY (SELECT generate_series(1, 1000000000)) TO STDOUT") { _ in throw SenderFailed() }
            }
            try await c.query("SELECT 1")
            let error = await failure {
                try await c.copyOut("COPY (SELECT 1 / (10000 - generate_series(1, 20000))) TO STDOUT") { _ in }
            }
            #expect(error?.sqlState == "22012")
            try await c.query("SELECT 1")
        }
    }

    @Test func deadlinesAndCancellationEndACopy() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE t (id int8)")
            let slowSender = await failure {
                try await c.copyIn("COPY t FROM STDIN", deadline: .milliseconds(60)) {
                    try await Task.sleep(for: .milliseconds(20))
                    return Array("1\n".utf8)
                }
            }
            #expect(slowSender?.code == .deadlineExceeded)
            #expect(slowSender?.outcomeUnknown == false)
            let slowServer = await failure {
                try await c.copyOut("COPY (SELECT pg_sleep(60)) TO STDOUT", deadline: .milliseconds(50)) { _ in }
            }
            #expect(slowServer?.code == .deadlineExceeded)
            let task = Task {
                try await c.copyIn("COPY t FROM STDIN") {
                    try? await Task.sleep(for: .milliseconds(1))
                    return Array("1\n".utf8)
                }
            }
            try await Task.sleep(for: .milliseconds(50))
            task.cancel()
            #expect(await failure { _ = try await task.value }?.code == .cancelled)
            let reader = Task { try await c.copyOut("COPY (SELECT pg_sleep(60)) TO STDOUT") { _ in } }
            try await Task.sleep(for: .milliseconds(50))
            reader.cancel()
            #expect(await failure { try await reader.value }?.code == .cancelled)
            #expect(try await c.integer("SELECT count(*) FROM t") == 0)
        }
    }

    /// A reader that stands still makes the server stand still, instead of filling the memory.
    @Test func aSlowReaderHoldsTheServerBack() async throws {
        try await withConnection { c in
            try await withConnection { observer in
                let chunks = Mutex(0)
                let gate = Mutex(false)
                async let copying: Void = c.copyOut(
                    "COPY (SELECT repeat('x', 1000 + generate_series(1, 100000) % 2)) TO STDOUT"
                ) { chunk in
                    let number = chunks.withLock { chunks in
                        chunks += 1
                        return chunks
                    }
                    // Blocks this thread on purpose: the body is synchronous, and so is a reader that is slow.
                    while number == 2, !gate.withLock({ $0 }) { usleep(1000) }
                }
                let wait = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'ClientWrite'"
                try await eventually("the server waits for its client") {
                    let isWaiting = try await observer.integer(wait, [.int4(c.backendPID)]) == 1
                    return isWaiting && chunks.withLock { $0 } == 2
                }
                gate.withLock { $0 = true }
                try await copying
                #expect(chunks.withLock { $0 } > 100)
            }
        }
    }
}
