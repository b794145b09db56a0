/// What Redis says about itself on behalf of one ledger.
struct RedisMarker: Sendable, Hashable {
    /// nil when Redis was flushed, or never seen by this ledger.
    var runID: String?
    var epoch: Int64?
    /// Whether every organization has been looked at since that epoch.
    var isComplete: Bool
    /// The position up to which the projector has written.
    var applied: Int64?
}

/// Whether a Redis holds what the ledger thinks it holds.
enum TrustVerdict: Sendable, Hashable {
    case trusted
    /// The same Redis, but the ledger has begun an epoch that Redis has not heard of.
    case behind
    /// Another Redis, a flushed one, or a stale copy: what it holds is not to be used.
    case lost(reason: String)
    /// This very server was on record until another took its place, and has neither been restarted nor flushed since. Where each of
    /// two servers took the place of the other, both would hand out the same money in turns.
    case superseded(by: String)
    /// Redis is ahead of the ledger: a database was restored.
    case ahead

    init(runID: String, marker: RedisMarker, record: EpochRecord) {
        if let applied = marker.applied, applied > record.head {
            self = .ahead
        } else if let epoch = marker.epoch, epoch > record.epoch {
            self = .ahead
        } else if let recorded = record.runID {
            if marker.runID == nil {
                self = .lost(reason: recorded == runID ? "redis_flushed" : "redis_replaced")
            } else if marker.runID != runID {
                self = .lost(reason: "redis_replaced")
            } else if recorded != runID {
                self = .superseded(by: recorded)
            } else if marker.epoch == record.epoch {
                self = .trusted
            } else {
                self = .behind
            }
        } else {
            self = .lost(reason: "redis_first_seen")
        }
    }
}
