import Projections
import Synchronization

/// Shows how a rebuild goes on.
final class RebuildProgressLine: Sendable {
    private let name: String
    private let line = Mutex(ProgressLine())

    init(_ name: String) { self.name = name }

    func show(_ progress: RebuildProgress) {
        let remaining = progress.remaining.map { ", \($0.components.seconds) s left" } ?? ""
        let text =
            "\(name) \(progress.phase.rawValue) \(progress.position) of \(progress.target), "
            + "\(Int(progress.eventsPerSecond)) events/s\(remaining)"
        line.withLock { $0.show(text) }
    }
}
