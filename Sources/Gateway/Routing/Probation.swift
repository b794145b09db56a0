internal import Synchronization

/// Lets a mapping that is avoided for what it did be tried now and then: some answers in a row, and its past is forgotten.
///
/// Without it a provider that is well again would be avoided until an hour has passed over its failures.
final class Probation: Sendable {
    private struct Trial {
        var lastAt: ContinuousClock.Instant
        var answers = 0
    }

    /// Answers in a row that prove enough: one that fails three in ten passes once in three times.
    private static let enough = 3
    /// Between two tries.
    static let pace: Duration = .seconds(2)
    /// Of 1,000 attempts so many must be answered, or a mapping is avoided whatever it costs.
    static let sufficient: Int64 = 950

    private let trials = Mutex<[MappingName: Trial]>([:])

    /// Whether a request may go there as though nothing had happened: one every two seconds.
    func mayTry(_ name: MappingName, at now: ContinuousClock.Instant = .now) -> Bool {
        trials.withLock { trials in
            guard let trial = trials[name] else {
                trials[name] = Trial(lastAt: now)
                return true
            }
            guard now - trial.lastAt >= Self.pace else { return false }
            trials[name]?.lastAt = now
            return true
        }
    }

    /// How a try ended.
    ///
    /// - Returns: Whether the mapping's past is to be forgotten.
    func ended(_ name: MappingName, answered: Bool) -> Bool {
        trials.withLock { trials in
            guard answered else {
                trials[name]?.answers = 0
                return false
            }
            trials[name]?.answers += 1
            guard trials[name]?.answers ?? 0 >= Self.enough else { return false }
            trials[name] = nil
            return true
        }
    }
}
