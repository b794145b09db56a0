import Foundation
import Synchronization

/// The mock provider of the shared bench folder (`bench/mock.c`), built once per test process and started for one test.
///
/// It speaks the chat completions API with fixed usage figures (prompt 21; completion 64, or the number of chunks of a
/// stream); the model's name chooses how it misbehaves, as the head of mock.c lists.
public final class MockProvider: Sendable {
    /// The mock's counters since it started.
    public struct Statistics: Sendable, Decodable {
        /// Requests that were read as a whole; `/stats` is not counted.
        public let requests: Int
        public let streams: Int
        public let completed: Int
        /// Connections that were lost or closed while a request was being answered.
        public let aborted: Int
        public let errors: Int
        /// Connections that were accepted, those of `/stats` included.
        public let connections: Int
    }

    /// Where the mock's source lies; nil where it is not there.
    public static var source: String? { TestEnvironment.shared("bench/mock.c") }

    private static let executable = Mutex<Task<String, any Error>?>(nil)

    public let port: Int
    private let process: ChildProcess

    public var baseURL: String { "http://127.0.0.1:\(port)/v1" }

    /// - Parameters:
    ///   - delay: milliseconds before the first byte of each answer.
    ///   - arguments: more of the mock's own, such as `-u`.
    public init(delay: Int = 0, arguments: [String] = []) async throws {
        let executable = try await Self.executable.withLock { built in
            let task = built ?? Task { try await Self.build() }
            built = task
            return task
        }.value
        port = try freePort()
        process = try ChildProcess(executable, ["-P", "\(port):\(delay)"] + arguments)
        let deadline = ContinuousClock.now + .seconds(60)
        // It ends when it has not got the port: then whoever answers there is another.
        while process.isRunning, ContinuousClock.now < deadline {
            if let found = try? await statistics(), found.requests == 0, process.isRunning { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw ChildProcess.Failure(description: "the mock provider did not start")
    }

    deinit {
        process.signal(SIGTERM)
        process.signal(SIGCONT)
    }

    private static func build() async throws -> String {
        guard let source else {
            throw ChildProcess.Failure(description: "the mock provider's source is not there: set LLMGATEWAY_SHARED")
        }
        let path = "/tmp/mock-\(UUID().uuidString.prefix(13))"
        try await runCommand(["gcc", "-O2", "-w", "-o", path, source])
        return path
    }

    public func statistics() async throws -> Statistics {
        let text = try await runCommand(["curl", "-sf", "-m", "5", "http://127.0.0.1:\(port)/stats"])
        return try JSONDecoder().decode(Statistics.self, from: Data(text.utf8))
    }

    /// How many requests reached it.
    public func requests() async throws -> Int { try await statistics().requests }

    /// Freezes the mock: what it would have answered meanwhile it answers after ``resume()``.
    public func pause() { process.signal(SIGSTOP) }

    public func resume() { process.signal(SIGCONT) }

    /// Ends the mock; connections to it are lost.
    public func tearDown() async {
        process.signal(SIGTERM)
        // A frozen one hears the other only now.
        await process.end(SIGCONT)
    }
}
