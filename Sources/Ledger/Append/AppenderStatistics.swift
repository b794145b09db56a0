/// What an appender did since it was made.
public struct AppenderStatistics: Sendable, Hashable {
    /// Events that were appended, `already` ones not counted.
    public var appendedEvents: Int64 = 0
    /// Transactions that were committed.
    public var batches: Int64 = 0
    /// The events of the last one.
    public var lastBatchSize: Int = 0
    /// Commands that wait now.
    public var queued: Int = 0
    /// Batches that were sent again because their outcome was not known.
    public var resentBatches: Int64 = 0
    /// Commands that Postgres refused for themselves.
    public var rejectedCommands: Int64 = 0
    /// Commands that were refused because too many waited.
    public var overloadedCommands: Int64 = 0
    /// Commands whose deadline passed without an answer.
    public var expiredCommands: Int64 = 0
    /// Connections that were opened.
    public var connections: Int64 = 0
    /// Whether Postgres answered last time.
    public var isAvailable = false
}
