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
    /// - Parameters:
    ///   - environment: added to the gateway's variables, such as `LLM_MOCK_API_KEY`.
    ///   - server: a superuser's URL of the Postgres that it uses; the test run's own if nil.
    public init(environment: [String: String] = [:], server: String? = nil) async throws {
        database = try await TestDatabase.create(server: server)
        redis = try await RedisServer()
        home = "/tmp/gateway-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        port = try freePort()
        url = "http://127.0.0.1:\(port)"
        self.environment = Self.environment(of: database.url, home: home).merging([
            "REDIS_URL": redis.url, "LLMGATEWAY_PORT": "\(port)",
        ]) { _, given in given }.merging(environment) { _, given in given }
        try await command("migrate")
        try await start()
    }

    /// Starts the server again after `kill()` or `stop()`.
    ///
    /// - Parameter arguments: Further ones for `serve`.
    public func start(arguments: [String] = []) async throws {
        _ = try await Self.serve(environment, arguments: arguments, log: home + "/gateway.log") { child in
            process.withLock { $0 = child }
        }
    }

    /// Runs `body` with the URL of a second gateway of the same ledger and Redis, whose environment `extra` changes.
    ///
    /// - Parameter arguments: Further ones for `serve`.
    public func withAnother(
        environment extra: [String: String] = [:], arguments: [String] = [], _ body: (String) async throws -> Void
    ) async throws {
        let (port, folder) = (try freePort(), home + "-other")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let own = ["LLMGATEWAY_PORT": "\(port)", "LLMGATEWAY_HOME": folder]
        let whole = environment.merging(extra) { _, given in given }.merging(own) { _, given in given }
        let other = Mutex<ChildProcess?>(nil)
        var failure: (any Error)?
        do {
            _ = try await Self.serve(whole, arguments: arguments, log: folder + "/gateway.log") { child in
                other.withLock { $0 = child }
            }
            try await body("http://127.0.0.1:\(port)")
        } catch {
            failure = error
        }
        let child = other.withLock { $0 }
        await child?.end(SIGTERM, within: Self.patience(whole))
        try? FileManager.default.removeItem(atPath: folder)
        if let failure { throw failure }
    }

    /// Starts a server and returns when it is ready; `started` gets it at once, so that a failure can end it too.
    private static func serve(
        _ environment: [String: String], arguments: [String] = [], log: String, started: (ChildProcess) -> Void
    ) async throws -> ChildProcess {
        let began = (try? String(contentsOfFile: log, encoding: .utf8))?.utf8.count ?? 0
        let child = try ChildProcess(executable, ["serve"] + arguments, environment: environment, output: log)
        started(child)
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            if String(decoding: text.utf8.dropFirst(began), as: UTF8.self).contains("ready http") { return child }
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
    /// - Parameters:
    ///   - interpreter: The variable that says which Python has the SDKs that it needs.
    ///   - limit: Seconds that it may take.
    /// - Throws: `CommandFailure` with the program's output when it fails.
    @discardableResult
    public func python(
        _ program: String, _ arguments: [String] = [], environment extra: [String: String] = [:],
        interpreter: String = "LLMGATEWAY_PYTHON", limit: Int = 900
    ) async throws -> String {
        let python = ProcessInfo.processInfo.environment[interpreter] ?? "python3"
        return try await runCommand(
            [python, TestEnvironment.root + "/Tests/Acceptance/" + program] + arguments,
            environment: environment.merging(extra) { _, given in given }.merging([
                "GATEWAY_URL": url, "LLMGATEWAY_EXECUTABLE": Self.executable, "PYTHONDONTWRITEBYTECODE": "1",
            ]) { _, given in given }, limit: limit)
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
        await child?.end(signal, within: Self.patience(environment))
    }

    /// How long a gateway may take to stop: as tools/down has it, its drain and 35 s more.
    private static func patience(_ environment: [String: String]) -> Duration {
        .seconds((environment["LLMGATEWAY_DRAIN_SECONDS"].flatMap(Int.init) ?? 25) + 35)
    }

    /// The gateway's log, for a failing test's message.
    public var log: String { (try? String(contentsOfFile: home + "/gateway.log", encoding: .utf8)) ?? "" }

    public func tearDown() async {
        await stop()
        await redis.tearDown()
        try? await database.drop()
        try? FileManager.default.removeItem(atPath: home)
    }

    /// What commands need that work with a database alone.
    public static func environment(of database: String, home: String) -> [String: String] {
        [
            "DATABASE_URL": url(database, user: "llmgateway_service"), "MIGRATION_DATABASE_URL": database,
            "PROJECTOR_DATABASE_URL": url(database, user: "llmgateway_projector"), "LLMGATEWAY_HOME": home,
            "LLMGATEWAY_ROOT": TestEnvironment.root, "LOG_LEVEL": "info",
        ]
    }

    private static func url(_ url: String, user: String) -> String {
        url.replacing(/user=[^&]*/, with: "user=\(user)")
    }
}

/// Runs `body` with a gateway of its own.
public func withGateway(
    environment: [String: String] = [:], server: String? = nil, _ body: (GatewayProcess) async throws -> Void
) async throws {
    let gateway = try await GatewayProcess(environment: environment, server: server)
    do {
        try await body(gateway)
    } catch {
        await gateway.tearDown()
        throw error
    }
    await gateway.tearDown()
}
