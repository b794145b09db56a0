import Postgres

/// Applies batches to new tables one after the other, at the size that suits a rebuild.
struct Replay {
    private let runner: BatchRunner
    private var size = BatchSize.rebuild
    private var search = PoisonSearch()
    private var position: Int64 = 0

    init(_ runner: BatchRunner) { self.runner = runner }

    /// Applies the next batch, none beyond `ceiling`, and parks what can't be applied where the projection allows it.
    ///
    /// - Throws: ``ProjectionError``, or what the database threw.
    mutating func next(ceiling: Int64) async throws -> BatchRunner.Applied {
        while true {
            try Task.checkCancellation()
            let start = ContinuousClock.now
            do throws(BatchFailure) {
                let applied = try await runner.apply(
                    limit: search.limit(after: position, normal: size.size), ceiling: ceiling)
                position = applied.upto
                search.reached(position)
                size.took(.now - start, count: applied.upto - applied.after)
                return applied
            } catch {
                try await failed(error)
            }
        }
    }

    /// Returns when the batch is to be tried again, or a smaller one.
    private mutating func failed(_ failure: BatchFailure) async throws {
        switch failure {
        // Whoever asks for a rebuild by a version that does not know an event wants the others to go on.
        case .poison(let after, let upto, let reason), .unknown(let after, let upto, let reason):
            position = after
            guard let poison = search.failed(after: after, upto: upto) else { return }
            guard try await runner.park(position: poison, reason: reason) else {
                throw ProjectionError(.poison, "event \(poison) can't be applied: \(reason)")
            }
        // Two connections of one rebuild wanted the same rows in another order; the other one has them.
        case .outage(let error as PostgresError) where error.sqlState == "40P01": return
        default: throw failure.thrown(for: runner.definition.name)
        }
    }
}

extension BatchFailure {
    /// What a rebuild of the projection throws.
    func thrown(for name: String) -> any Error {
        switch self {
        case .poison(_, let upto, let reason), .unknown(_, let upto, let reason):
            ProjectionError(.poison, "an event up to \(upto) can't be applied: \(reason)")
        case .outage(let error): error
        case .elsewhere(let reason), .outdated(let reason): ProjectionError(.outdated, reason)
        case .otherHistory(let reason): ProjectionError(.otherHistory, reason)
        case .missing: RebuildRun.gone(name)
        }
    }
}
