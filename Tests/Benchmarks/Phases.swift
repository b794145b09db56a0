import Projections
import Synchronization

/// How long each phase of a rebuild took.
final class Phases: Sendable {
    private struct State {
        var began = ContinuousClock.now
        var phase: RebuildProgress.Phase?
        var seconds: [String: Double] = [:]
    }

    private let state = Mutex(State())

    func enter(_ phase: RebuildProgress.Phase) {
        state.withLock { state in
            // The first report comes after the first batch; what was before it belongs to it.
            guard phase != state.phase else { return }
            Self.close(&state)
            state.phase = phase
        }
    }

    /// Seconds by name of the phase, the last one until now.
    func seconds() -> [String: Double] {
        state.withLock { state in
            Self.close(&state)
            return state.seconds.mapValues { ($0 * 100).rounded() / 100 }
        }
    }

    private static func close(_ state: inout State) {
        guard let phase = state.phase else { return }
        state.seconds[phase.rawValue, default: 0] += (.now - state.began) / .seconds(1)
        state.began = .now
    }
}
