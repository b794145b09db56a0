import NIOCore
import NIOHTTP1

/// One request of the test server being answered.
final class TestExchange {
    private let connection: Connection
    private var bodyEnded = false

    init(_ connection: Connection) { self.connection = connection }

    var isHTTP2: Bool { connection.isHTTP2 }

    func nextHead() async throws -> HTTPRequestHead {
        while true { if case .head(let head) = try await connection.next() { return head } }
    }

    /// The next bytes of the request's body, nil at its end.
    func nextChunk() async throws -> ByteBuffer? {
        if bodyEnded { return nil }
        if case .body(let buffer) = try await connection.next() { return buffer }
        bodyEnded = true
        return nil
    }

    func body() async throws -> [UInt8] {
        var all: [UInt8] = []
        while let chunk = try await nextChunk() { all.append(contentsOf: chunk.readableBytesView) }
        return all
    }

    func head(_ status: Int = 200, _ headers: [(String, String)] = []) async throws {
        try await connection.write(
            .head(.init(version: .http1_1, status: .init(statusCode: status), headers: .init(headers))))
    }

    func write(_ bytes: some Sequence<UInt8>) async throws { try await connection.write(.body(ByteBuffer(bytes: bytes))) }

    func end() async throws { try await connection.write(.end(nil)) }

    /// Resets the stream.
    func reset() async throws { try await connection.channel.close().get() }

    /// Closes the connection, and with it all of its streams.
    func closeConnection() async throws {
        let channel = connection.channel
        try await (connection.isHTTP2 ? channel.parent ?? channel : channel).close().get()
    }

    func answer(_ status: Int = 200, _ headers: [(String, String)] = [], _ body: String = "") async throws {
        try await head(status, headers + [("content-length", "\(body.utf8.count)")])
        if !body.isEmpty { try await write(body.utf8) }
        try await end()
    }
}
