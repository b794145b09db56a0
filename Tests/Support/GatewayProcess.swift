import Foundation
import Synchronization

/// A whole gateway of a test's own: the built executable, a database, a Redis, and a home in a temporary folder.
///
/// Call ``tearDown()`` at the end; `withGateway` does.
public final class GatewayProcess: Sendable {
    public let database: TestDatabase
    public let redis: RedisServer
    public let home: String
    /// `http://127.0.0.1:PORT`.
    public let url: String
    public let port: Int
    private let environment: [String: String]
    private let process = Mutex<ChildProcess?>(nil)

    /// The executable that tools/test has built; without it the one of a debug build.
    public static var executable: String {
        ProcessInfo.processInfo.environment["LLMGATEWAY_EXECUTABLE"] ?? TestEnvironment.root + "/.build/debug/llmgateway"
    }

    /// Migrates a new database and serves.
    ///
    /// - Parameter environment: added to the gateway's variables, such as `LLM_MOCK_API_KEY`.
    public init(environment: [String: String] = [:]) async throws {
        database = try await TestDatabase.create()
        redis = try await RedisServer()
        home = "/tmp/gateway-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        port = try freePort()
        url = "http://127.0.0.1:\(port)"
        let service = Self.url(database.url, user: "llmgateway_service")
        self.environment = [
            "DATABASE_URL": service, "MIGRATION_DATABASE_URL": database.url,
            "PROJECTOR_DATABASE_URL": Self.url(database.url, user: "llmgateway_projector"), "REDIS_URL": redis.url,
            "LLMGATEWAY_HOME": home, "LLMGATEWAY_ROOT": TestEnvironment.root, "LLMGATEWAY_PORT": "\(port)", "LOG_LEVEL": "info",
        ].merging(environment) { _, given in given }
        try await command("migrate")
        try await start()
    }

    /// Starts the server again after `kill()` or `stop()`.
    public func start() async throws {
        let log = home + "/gateway.log"
        let began = (try? String(contentsOfFile: log, encoding: .utf8))?.utf8.count ?? 0
        let child = try ChildProcess(Self.executable, ["serve"], environment: environment, output: log)
        process.withLock { $0 = child }
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            if String(decoding: text.utf8.dropFirst(began), as: UTF8.self).contains("ready http") { return }
            guard child.isRunning, ContinuousClock.now < deadline else {
                throw ChildProcess.Failure(description: "the gateway did not start: \(text.suffix(2000))")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Runs a subcommand in the gateway's environment and returns what it printed.
    @discardableResult
    public func command(_ arguments: String...) async throws -> String { try await command(arguments) }

    /// Runs a subcommand in the gateway's environment, changed by `extra`, and returns what it printed.
    @discardableResult
    public func command(_ arguments: [String], environment extra: [String: String] = [:]) async throws -> String {
        try await runCommand([Self.executable] + arguments, environment: environment.merging(extra) { _, given in given })
    }

    /// Runs a Python program with the acceptance SDKs against this gateway, and returns what it printed.
    ///
    /// - Throws: `CommandFailure` with the program's output when it fails.
    @discardableResult
    public func python(_ program: String, _ arguments: [String] = [], environment extra: [String: String] = [:]) async throws
        -> String
    {
        let python = ProcessInfo.processInfo.environment["LLMGATEWAY_PYTHON"] ?? "python3"
        return try await runCommand(
            [python, TestEnvironment.root + "/Tests/Acceptance/" + program] + arguments,
            environment: environment.merging(extra) { _, given in given }.merging([
                "GATEWAY_URL": url, "LLMGATEWAY_EXECUTABLE": Self.executable, "PYTHONDONTWRITEBYTECODE": "1",
            ]) { _, given in given })
    }

    /// Runs a shell script in the gateway's environment, with `URL` and `LLMGATEWAY_EXECUTABLE`.
    public func shell(_ path: String) async throws -> String {
        try await runCommand(
            ["bash", path],
            environment: environment.merging(["URL": url, "LLMGATEWAY_EXECUTABLE": Self.executable]) { _, given in given })
    }

    public func stop() async {
        await end(SIGTERM)
    }

    public func kill() async {
        await end(SIGKILL)
    }

    private func end(_ signal: Int32) async {
        let child = process.withLock { $0 }
        child?.signal(signal)
        await child?.wait()
    }

    /// The gateway's log, for a failing test's message.
    public var log: String { (try? String(contentsOfFile: home + "/gateway.log", encoding: .utf8)) ?? "" }

    public func tearDown() async {
        await stop()
        await redis.tearDown()
        try? await database.drop()
        try? FileManager.default.removeItem(atPath: home)
    }

    private static func url(_ url: String, user: String) -> String {
        url.replacing(/user=[^&]*/, with: "user=\(user)")
    }
}

/// Runs `body` with a gateway of its own.
public func withGateway(
    environment: [String: String] = [:], _ body: (GatewayProcess) async throws -> Void
) async throws {
    let gateway = try await GatewayProcess(environment: environment)
    do {
        try await body(gateway)
    } catch {
        await gateway.tearDown()
        throw error
    }
    await gateway.tearDown()
}
