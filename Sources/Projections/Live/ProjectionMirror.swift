public import Postgres

/// A copy of a projection's tables somewhere else, kept in step with them.
public protocol ProjectionMirror: Sendable {
    /// Brings the copy up to `upto`, before the checkpoint moves: what fails here is rolled back and tried again, so it must be
    /// harmless to apply a batch twice.
    ///
    /// Postgres ends the session after 10 s without a statement on the connection, and the batch with it: whoever waits for a store that
    /// is away has to give up before, because the next attempt would wait as long.
    ///
    /// - Parameters:
    ///   - after: The position before the batch's first.
    ///   - upto: The batch's last position.
    ///   - connection: Inside the batch's transaction, tables already applied, search_path the projection's schema, so that the
    ///     view `batch` shows the events. It must be left in the transaction.
    /// - Throws: ``MirrorElsewhere`` where the projection is to be left to another process.
    func apply(after: Int64, upto: Int64, connection: PostgresConnection) async throws

    /// An event is newer than what this process understands, and nothing more is applied until one that knows it has the tables. What
    /// the event may have changed must not be answered from the copy. Called again and again while that lasts.
    ///
    /// - Parameter connection: Outside a transaction.
    func distrust(event position: Int64, connection: PostgresConnection) async throws
}

/// The copy that is read is not the one that this process writes to: one that writes to it shall have the projection.
public struct MirrorElsewhere: Error, Sendable {
    public let reason: String

    public init(reason: String) { self.reason = reason }
}

extension ProjectionMirror {
    /// Does nothing: for a copy that may be as old as the tables are.
    public func distrust(event position: Int64, connection: PostgresConnection) async throws {}
}
