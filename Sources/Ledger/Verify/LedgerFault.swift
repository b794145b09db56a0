/// What is wrong with a ledger, and where it begins.
public struct LedgerFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// How the past was found to be touched.
    public enum Reason: Sendable, Hashable {
        /// The chain says that an event was here, and it is not.
        case missing
        /// The event is not what was hashed, or its hash is another.
        case hashMismatch
        /// The first event is not `ledger.created`, or of another ledger.
        case wrongBeginning
        /// The version before this one is not in the stream below this position.
        case versionGap(stream: String, version: Int64)
        /// Recorded no later than the event before.
        case recordedOutOfOrder
        /// A column that may not be NULL is, or has another form.
        case malformed
        /// The ledger ends before a seal's last position.
        case tailMissing(sealedTo: Int64)
        /// The chain is consistent in itself, but it is not the one that was sealed: the events were written again.
        case rewritten(sealedFrom: Int64, sealedTo: Int64)
        /// A seal that does not verify or does not follow the one before.
        case badSeal(String)
    }

    /// The first position that is not right.
    public let position: Int64
    public let reason: Reason

    public init(position: Int64, reason: Reason) {
        self.position = position
        self.reason = reason
    }

    public var description: String {
        switch reason {
        case .missing: "position \(position): the event is missing"
        case .hashMismatch: "position \(position): the event or its hash was changed"
        case .wrongBeginning: "position \(position): the ledger does not begin as it should"
        case .versionGap(let stream, let version):
            "position \(position): version \(version) of \(stream) does not follow version \(version - 1)"
        case .recordedOutOfOrder: "position \(position): recorded no later than the event before"
        case .malformed: "position \(position): the row is malformed"
        case .tailMissing(let sealedTo): "the tail is missing after \(position - 1): the ledger is sealed to \(sealedTo)"
        case .rewritten(let from, let to): "positions \(from) to \(to): sealed, and written again since"
        case .badSeal(let why): "the seal that begins at \(position) \(why)"
        }
    }
}
