import Logging
import Postgres

/// A Postgres that holds the ledger.
struct PostgresAppendServer: AppendServer {
    let configuration: PostgresConfiguration
    let logger: Logger

    init(_ configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = Self.session(configuration)
        self.logger = logger
    }

    func connect() async throws -> any AppendSession {
        let fresh = try await PostgresConnection.connect(configuration, logger: logger)
        let rows = try await fresh.query("SELECT current_setting('synchronous_commit')", deadline: .seconds(5))
        let setting = try rows.first?.decode(0, as: String.self) ?? ""
        guard setting == "on" || setting == "remote_apply" else {
            await fresh.close()
            throw AppenderUnfit(
                description: "synchronous_commit is \(setting), but what is acknowledged must be on the disk: set it to on")
        }
        return PostgresAppendSession(connection: fresh)
    }

    /// The session of the writer. Its server finds out within seconds that this machine is gone, because it holds the append
    /// lock for as long as it believes in us.
    private static func session(_ configuration: PostgresConfiguration) -> PostgresConfiguration {
        var session = configuration
        session.applicationName = "llmgateway appender"
        let settings = [
            "tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3", "tcp_user_timeout": "10000",
        ]
        session.settings.merge(settings) { given, _ in given }
        return session
    }
}

private struct PostgresAppendSession: AppendSession {
    let connection: PostgresConnection

    var isOpen: Bool { connection.isOpen }

    func append(_ commands: [Command]) async throws(PostgresError) -> [AppendResult]? {
        let rows = try await connection.query(AppendBatch.sql, AppendBatch.parameters(commands), deadline: .seconds(10))
        return AppendBatch.results(rows, count: commands.count)
    }

    func ask() async throws(PostgresError) { _ = try await connection.query("SELECT", deadline: .seconds(5)) }

    func close() async { await connection.close() }
}
