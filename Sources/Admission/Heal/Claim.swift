import Redis

/// What `claim` of functions.lua answers.
enum Claim: Sendable, Hashable {
    /// The state is there, and of a wanted epoch.
    case known
    /// Somebody else is building it.
    case wait
    /// With the token that `seed` and `unclaim` ask for.
    case claimed(Loss, token: String)

    /// How long a claim stands: longer than any attempt, so that who holds it longer is dead.
    static let milliseconds: Int64 = 2000

    /// What is wrong with the state.
    enum Loss: Sendable, Hashable {
        case missing
        /// It is of this older epoch.
        case stale(epoch: Int64)
        /// It lacks events, or a sum left int64.
        case unknown(epoch: Int64, reason: String)

        fileprivate init?(_ words: ArraySlice<String>) {
            let rest = words.dropFirst()
            switch (words.first, rest.first.flatMap { Int64($0) }, rest.count) {
            case ("missing", nil, 0): self = .missing
            case ("stale", let epoch?, 1): self = .stale(epoch: epoch)
            case ("unknown", let epoch?, 2): self = .unknown(epoch: epoch, reason: rest.last ?? "")
            default: return nil
            }
        }

        /// Goes into the event that begins a new epoch.
        var reason: String {
            switch self {
            case .missing: "state_missing"
            case .stale: "state_stale"
            case .unknown(_, let reason): reason == "gap" ? "state_gap" : "state_unsound"
            }
        }

        /// Whether a state of this epoch may take the lost one's place, or whether a new epoch has to begin first.
        ///
        /// Holds of which Postgres knows nothing yet may be lost with a state. They are fenced by an epoch that is newer than
        /// the state's. How new a missing state was, nobody knows; but while Redis is being filled after a loss of all of it,
        /// a missing one has not been there since.
        func isCovered(by epoch: Int64, _ marker: RedisMarker) -> Bool {
            switch self {
            case .missing: !marker.isComplete && marker.epoch == epoch
            case .stale(let old), .unknown(let old, _): epoch > old
            }
        }
    }

    init(_ answer: RedisValue) throws(AdmissionError) {
        let words = (answer.array ?? []).map { $0.string ?? "" }
        switch (words.first, words.count) {
        case ("known", 2):
            self = .known
            return
        case ("wait", 1):
            self = .wait
            return
        case ("claimed", 3...):
            if let loss = Loss(words[2...]) {
                self = .claimed(loss, token: words[1])
                return
            }
        default: break
        }
        throw AdmissionError(.protocolViolation, "claim answered \(words)")
    }
}
