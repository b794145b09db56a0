import Ledger
import Logging
import Management
import Postgres

/// What a one-off management command works with: the ledger's appender and a small pool, gone when the command ends.
struct Shop: Sendable {
    let management: Management
    let postgres: PostgresClient
    let appender: Appender

    /// Runs `body` with an open shop.
    static func open<R: Sendable>(_ body: @escaping @Sendable (Shop) async throws -> R) async throws -> R {
        let settings = try Settings()
        let logger = settings.logger(defaultLevel: .warning)
        let connecting = settings.connectingLogger
        let configuration = try settings.postgres(settings.databaseURL, name: "llmgateway command")
        let postgres = PostgresClient(configuration, maximumConnections: 2, logger: connecting)
        // A serving process hears of this one's events by NOTIFY, and its projectors need not wait for their next look.
        let signal = LedgerSignal()
        let bridge = LedgerSignalBridge(signal: signal, configuration: configuration, logger: connecting)
        let appender = Appender(configuration: configuration, signal: signal, logger: connecting)
        let management = Management(
            appender: appender, postgres: postgres, reader: LedgerReader(postgres), logger: logger)
        return try await Unmigrated.explained {
            try await postgres.use { postgres in
                try await withThrowingTaskGroup(of: R?.self) { group in
                    group.addTask {
                        try await appender.run()
                        return nil
                    }
                    group.addTask {
                        await bridge.run()
                        return nil
                    }
                    group.addTask {
                        try await Unmigrated.check(postgres)
                        return try await body(Shop(management: management, postgres: postgres, appender: appender))
                    }
                    defer { group.cancelAll() }
                    while let finished = try await group.next() {
                        if let result = finished { return result }
                    }
                    throw CancellationError()
                }
            }
        }
    }
}

extension Settings {
    /// A logger to standard error.
    func logger(defaultLevel: Logger.Level? = nil) -> Logger {
        var logger = Logger(label: "llmgateway") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = defaultLevel.map { max($0, logLevel) } ?? logLevel
        return logger
    }

    /// For what a one-off command connects by: what keeps it from the database is the one line that it ends with.
    var connectingLogger: Logger { logger(defaultLevel: .error) }

    /// The connection settings of `url`, named for `pg_stat_activity`.
    func postgres(_ url: String, name: String) throws -> PostgresConfiguration {
        var configuration = try PostgresConfiguration(url: url)
        configuration.applicationName = name
        return configuration
    }
}
