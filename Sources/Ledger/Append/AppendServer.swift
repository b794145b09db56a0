package import Postgres

/// Where an appender finds its ledger: Postgres, or what stands for it in a simulation.
package protocol AppendServer: Sendable {
    /// A session in which commands can be appended.
    /// - Throws: `AppenderUnfit` where the server must not hold a ledger; anything else is a server that is away.
    func connect() async throws -> any AppendSession
}

/// One session of an appender.
package protocol AppendSession: Sendable {
    var isOpen: Bool { get }
    /// Calls `ledger.append` for a batch.
    /// - Returns: the results in the order of the commands; nil for an answer that is none.
    func append(_ commands: [Command]) async throws(PostgresError) -> [AppendResult]?
    /// Asks for nothing, to see whether the server answers.
    func ask() async throws(PostgresError)
    func close() async
}
