import Foundation

/// Base backups, and servers that are restored from them to a moment.
extension PostgresServer {
    /// A folder in which a server keeps its log, segment by segment.
    public struct Archive: Sendable {
        public let folder: String

        public init() async throws { folder = try await PostgresServer.makeDirectory() }

        /// Those of the server whose log it keeps.
        public var settings: [String: String] { ["archive_mode": "on", "archive_command": "cp %p \(folder)/%f"] }

        public func remove() { try? FileManager.default.removeItem(atPath: folder) }
    }

    /// Copies the files of the server, which runs and archives its log, into a server that is not started.
    public func backUp() async throws -> PostgresServer {
        let copy = PostgresServer(
            directory: try await Self.makeDirectory(), settings: settings.filter { !$0.key.hasPrefix("archive") },
            environment: environment)
        do {
            // The log of the time that it takes is the archive's to give, as that of later.
            try await run(
                "pg_basebackup",
                ["-D", copy.data, "-h", directory, "-p", port, "-U", "postgres", "-X", "none", "-c", "fast", "--no-sync"])
        } catch {
            await copy.remove()
            throw error
        }
        return copy
    }

    /// Starts a server that ``backUp()`` has made, as the other was at a moment, and waits until it may be written.
    ///
    /// - Parameter moment: as Postgres prints a time; something later must have been committed and archived.
    public func restore(from archive: Archive, to moment: String) async throws {
        try await run("touch", [data + "/recovery.signal"])
        try await start(with: [
            "restore_command": "cp \(archive.folder)/%f %p", "recovery_target_time": moment, "recovery_target_action": "promote",
        ])
        try await eventually("the restored server takes writes") { log.contains("ready to accept connections") }
    }
}
