public import Logging
public import Postgres

/// Forgets bodies and annotations whose time is over. The chain does not notice: events hold only keyed digests of them.
public struct Retention: Sendable {
    /// Days for which bodies are kept; 0 keeps today's.
    public let payloadDays: Int32
    /// Days for which annotations are kept; 0 keeps today's.
    public let annotationDays: Int32
    private let client: PostgresClient
    private let logger: Logger

    public init(client: PostgresClient, payloadDays: Int32 = 30, annotationDays: Int32 = 90, logger: Logger) {
        self.client = client
        self.payloadDays = payloadDays
        self.annotationDays = annotationDays
        self.logger = logger
    }

    /// Drops the days that are over.
    /// - Returns: the names of the dropped tables.
    @discardableResult
    public func forget() async throws -> [String] {
        try await client.query(
            "SELECT partition FROM ledger.forget($1, $2)", [.int4(payloadDays), .int4(annotationDays)], deadline: .seconds(60)
        ).map { try $0.decode(0, as: String.self) }
    }

    /// Forgets every hour until cancelled.
    public func run() async {
        while !Task.isCancelled {
            do {
                let dropped = try await forget()
                if !dropped.isEmpty { logger.info("forgotten", metadata: ["tables": "\(dropped.joined(separator: " "))"]) }
            } catch {
                logger.warning("retention did not run", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(3600))
        }
    }
}
