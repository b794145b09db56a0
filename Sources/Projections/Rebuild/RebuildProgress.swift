/// How far a rebuild is.
public struct RebuildProgress: Sendable, Hashable {
    public enum Phase: String, Sendable {
        /// Applying from position 1, or from where an interrupted rebuild ended.
        case applying
        case indexing
        /// Applying what came meanwhile.
        case catchingUp
        /// Running `verify.sql` on the new tables.
        case verifying
        /// Computing digests of both versions' rows.
        case comparing
        case swapping
    }

    public var phase: Phase
    public var position: Int64
    /// The position that it has to reach.
    public var target: Int64
    /// Events a second over the last seconds of `applying`.
    public var eventsPerSecond: Double
    /// What is left of `applying` at that rate.
    public var remaining: Duration?
}
