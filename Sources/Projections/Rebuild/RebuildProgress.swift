/// How far a rebuild is.
public struct RebuildProgress: Sendable, Hashable {
    public enum Phase: String, Sendable {
        /// Applying from position 1, or from where an interrupted rebuild ended.
        case applying
        /// Making the indexes.
        case indexing
        /// Applying what came meanwhile.
        case catchingUp
        /// Running `verify.sql` on the new tables.
        case verifying
        /// Computing digests of both versions' rows.
        case comparing
        /// Putting the new tables in place.
        case swapping
    }

    public var phase: Phase
    /// Everything up to here is in the new tables.
    public var position: Int64
    /// The position that has to be reached.
    public var target: Int64
    /// Events a second since `applying` began; 0 before the first batch.
    public var eventsPerSecond: Double
    /// What is left at that rate; nil while it is not known.
    public var remaining: Duration?

    init(_ phase: Phase, _ position: Int64, _ target: Int64, eventsPerSecond: Double) {
        self.phase = phase
        self.position = position
        self.target = target
        self.eventsPerSecond = eventsPerSecond
        remaining = eventsPerSecond > 0 ? .seconds(Double(max(0, target - position)) / eventsPerSecond) : nil
    }
}
