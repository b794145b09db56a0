import Foundation
import Glibc

/// A Postgres server of a test's own, on a unix socket in a temporary folder, which the test may stop and kill.
///
/// Postgres does not run as root: then its programs run as the user `postgres`.
public struct PostgresServer: Sendable {
    /// How a server is stopped (`pg_ctl stop -m`).
    public enum StopMode: String, Sendable { case fast, immediate }

    /// The folder with the data, the socket and the log.
    public let directory: String
    let settings: [String: String]
    let environment: [String: String]

    private static let user = getuid() == 0 ? "postgres" : ""
    var data: String { directory + "/data" }

    /// A superuser's URL of the server's database `postgres`.
    public var url: String { url(database: "postgres") }
    var port: String { settings["port"] ?? "5432" }

    /// A superuser's URL of one of the server's databases.
    public func url(database: String) -> String { "postgres:///\(database)?host=\(directory)&port=\(port)&user=postgres" }

    /// Makes a new server and starts it, with further variables of its environment. `settings` go to its command line; `fsync`
    /// is off unless they say otherwise.
    public static func start(
        settings: [String: String] = [:], environment: [String: String] = [:]
    ) async throws -> PostgresServer {
        let directory = try await makeDirectory()
        let given = ["fsync": "off", "shared_buffers": "16MB", "max_connections": "60", "listen_addresses": ""]
        let server = PostgresServer(
            directory: directory, settings: given.merging(settings) { _, given in given }, environment: environment)
        try await server.run("initdb", ["-D", server.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
        try await server.start()
        return server
    }

    /// A new folder that the programs of Postgres may write.
    static func makeDirectory() async throws -> String {
        let directory = "/tmp/pg-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        if !user.isEmpty { try await runCommand(["chown", user, directory]) }
        return directory
    }

    /// Starts a server for `body`, and removes it afterwards.
    public static func with<R: Sendable>(
        settings: [String: String] = [:], environment: [String: String] = [:], _ body: (PostgresServer) async throws -> R
    ) async throws -> R {
        let server = try await start(settings: settings, environment: environment)
        do {
            let result = try await body(server)
            await server.remove()
            return result
        } catch {
            await server.remove()
            throw error
        }
    }

    /// Starts the server, with further settings, and waits until it takes connections.
    public func start(with further: [String: String] = [:]) async throws {
        var options = ["-c unix_socket_directories=\(directory)"]
        options += settings.merging(further) { _, further in further }.map { "-c \($0.key)='\($0.value)'" }
        do {
            try await run(
                "pg_ctl", ["-D", data, "-l", directory + "/log", "-w", "-t", "30", "-o", options.joined(separator: " "), "start"])
        } catch let failure as CommandFailure {
            throw CommandFailure(arguments: failure.arguments, status: failure.status, output: failure.output + log.suffix(2000))
        }
    }

    /// Stops the server and waits for its end.
    public func stop(_ mode: StopMode = .fast) async throws {
        try await run("pg_ctl", ["-D", data, "-m", mode.rawValue, "-w", "-t", "30", "stop"])
    }

    /// Stops and starts the server.
    public func restart(_ mode: StopMode = .fast) async throws {
        try await stop(mode)
        try await start()
    }

    /// Has the server stop at once, as `stop(.immediate)` does but without the program that would take a while to start, and waits
    /// for its end.
    public func quit() async throws {
        let processes = processIDs
        guard let postmaster = processes.first else { return }
        Glibc.kill(postmaster, SIGQUIT)
        for _ in 0..<3_000 where processes.contains(where: { Self.isAlive($0) }) {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Kills every process of the server with SIGKILL, as a crash of its machine would, and waits until they are gone.
    public func kill() async throws {
        guard let postmaster = processIDs.first else { return }
        // Stopped first, so that it does not fork while its children are counted: one that survives would hold the memory
        // that the next start needs.
        Glibc.kill(postmaster, SIGSTOP)
        for _ in 0..<500 where Self.stat(postmaster)?.first == "R" || Self.stat(postmaster)?.first == "S" {
            try await Task.sleep(for: .milliseconds(1))
        }
        let processes = processIDs
        for process in processes { Glibc.kill(process, SIGKILL) }
        for _ in 0..<500 where processes.contains(where: { Self.isAlive($0) }) {
            try await Task.sleep(for: .milliseconds(10))
        }
        // A killed process that nobody has reaped yet still looks alive to the next start.
        for file in [data + "/postmaster.pid", directory + "/.s.PGSQL.\(port).lock"] {
            try? FileManager.default.removeItem(atPath: file)
        }
    }

    /// Kills the server and goes on with what its files held at one moment in mid-work, as after a power cut. The server is
    /// left stopped; what it acknowledged before this call must be there when it is started again.
    public func cutPower() async throws {
        freeze()
        let image = directory + "/image"
        do {
            // Whoever is inside a system call finishes it before it stops.
            for _ in 0..<500 where processIDs.contains(where: { Self.stat($0)?.first != "T" }) {
                try await Task.sleep(for: .milliseconds(2))
            }
            try await runCommand(["cp", "-a", data, image])
        } catch {
            thaw()
            throw error
        }
        try await kill()
        try FileManager.default.removeItem(atPath: data)
        try FileManager.default.moveItem(atPath: image, toPath: data)
        try? FileManager.default.removeItem(atPath: data + "/postmaster.pid")
    }

    /// Freezes every process of the server, as a hung machine would.
    public func freeze() { for process in processIDs { Glibc.kill(process, SIGSTOP) } }

    /// Lets a frozen server go on.
    public func thaw() { for process in processIDs { Glibc.kill(process, SIGCONT) } }

    /// Kills the server, if it still runs, and removes its folder.
    public func remove() async {
        try? await kill()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// What the server has logged.
    public var log: String { (try? String(contentsOfFile: directory + "/log", encoding: .utf8)) ?? "" }

    func run(_ program: String, _ arguments: [String]) async throws {
        let prefix = Self.user.isEmpty ? [] : ["setpriv", "--reuid=\(Self.user)", "--regid=\(Self.user)", "--clear-groups"]
        try await runCommand(
            prefix + [try Self.path(of: program)] + arguments, environment: environment.merging(["LC_ALL": "C"]) { _, own in own }
        )
    }

    /// Debian keeps each version's programs in a folder of its own; the newest one counts.
    private static func path(of program: String) throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).sorted {
            $0.compare($1, options: .numeric) == .orderedDescending
        }
        return versions.map { "\(root)/\($0)/bin/\(program)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
            ?? program
    }

    /// The postmaster, then its children.
    private var processIDs: [pid_t] {
        guard let file = try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8),
            let postmaster = file.split(separator: "\n").first.flatMap({ pid_t($0) }), Self.isAlive(postmaster)
        else { return [] }
        let all = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
        return [postmaster] + all.filter { Self.parent(of: $0) == postmaster }
    }

    private static func isAlive(_ process: pid_t) -> Bool {
        guard let state = stat(process)?.first else { return false }
        return state != "Z"
    }

    private static func parent(of process: pid_t) -> pid_t? {
        guard let fields = stat(process), fields.count > 1 else { return nil }
        return pid_t(fields[1])
    }

    /// State and parent from `/proc`; the program's name before them may hold blanks.
    private static func stat(_ process: pid_t) -> [Substring]? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: end)...].split(separator: " ")
    }
}
