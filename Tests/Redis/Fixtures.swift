import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestSupport

@testable import Redis

let quiet = Logger(label: "redis tests") { _ in SwiftLogNoOpLogHandler() }

/// Runs a test with a Redis of its own.
func withServer(
    _ encryption: RedisServer.Encryption = .none, settings: [String] = [], _ body: (RedisServer) async throws -> Void
) async throws {
    let server = try await RedisServer(encryption: encryption, settings: settings)
    do {
        try await body(server)
    } catch {
        await server.tearDown()
        throw error
    }
    await server.tearDown()
}

/// Runs a test with one connection, and shuts it down.
func withConnection(
    _ url: String, on eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next(),
    configure: (inout RedisConfiguration) -> Void = { _ in },
    onConnect: (@Sendable (RedisConnection) async throws -> Void)? = nil, _ body: (RedisConnection) async throws -> Void
) async throws {
    var configuration = try RedisConfiguration(url: url)
    configure(&configuration)
    let connection = RedisConnection(configuration, on: eventLoop, logger: quiet, onConnect: onConnect)
    connection.start()
    do {
        try await body(connection)
    } catch {
        await connection.shutdown(deadline: .milliseconds(100))
        throw error
    }
    await connection.shutdown(deadline: .milliseconds(100))
}

/// The error that a call fails with.
func failure<R>(of body: () async throws(RedisError) -> R) async throws -> RedisError {
    do throws(RedisError) {
        _ = try await body()
    } catch {
        return error
    }
    throw Unexpected(description: "the call succeeded")
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
}

/// Kills a server, waits until the connection knows that it is lost, and starts the server again: a call that was sent before
/// the loss was noticed fails, as its outcome is unknown.
func restartAndNotice(_ server: RedisServer, _ redis: RedisConnection) async throws {
    await server.kill()
    try await eventually("the loss is noticed") { !redis.isReady }
    try await server.start()
}

/// A key that no other test uses on the shared server.
func uniqueKey() -> String { "redis-tests:\(UUID().uuidString)" }

extension RedisArgument {
    static func string(_ value: some BinaryInteger) -> RedisArgument { .string("\(value)") }
}

/// A number that concurrent tasks share.
final class Counter: Sendable {
    private let atomic = Atomic(0)

    var value: Int { atomic.load(ordering: .relaxed) }

    @discardableResult
    func increment() -> Int { atomic.wrappingAdd(1, ordering: .relaxed).newValue }
}
