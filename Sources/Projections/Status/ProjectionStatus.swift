public import Ledger

/// How a projection stands, as the database tells it.
public struct ProjectionStatus: Sendable, Hashable, Codable {
    public enum State: String, Sendable, Codable {
        /// A process holds it and nothing is wrong with it.
        case live
        /// No process holds it.
        case stopped
        /// An event can't be applied, or the ledger is another one than before.
        case halted
        /// Its tables are of another version than the folder: reads work and grow old until it is rebuilt.
        case outdated
        /// A rebuild beside the live tables.
        case rebuilding
        /// A rebuild that nobody goes on with; the next one will.
        case interrupted
        /// The tables before the last swap, kept until they are dropped.
        case previous
        /// What a replay to a moment of the past has made, to be looked at.
        case replay
    }

    public var name: String
    /// The Postgres schema: the name, or the name with `__rebuild`, `__previous` or `__replay`.
    public var schema: String
    public var version: Int32
    public var state: State
    /// Everything up to here is in the tables.
    public var position: Int64
    /// The ledger's newest position.
    public var head: Int64
    /// Positions that are not applied yet.
    public var lag: Int64 { head - position }
    /// When the event at `position` was recorded: what a reader may say its figures are as of.
    public var asOf: Timestamp?
    /// The event that stopped it.
    public var haltedAt: Int64?
    /// Why it does not go on.
    public var error: String?
    /// Events that are recorded in `projections.parked`.
    public var parked: Int64
}
