import Ledger
import Logging
import Postgres

/// The projector while it holds the projection.
struct Follower {
    private let projector: Projector
    private let connection: PostgresConnection
    private let runner: BatchRunner
    private var size = BatchSize.live
    private var search = PoisonSearch()
    private var position: Int64 = 0
    private var outages = Backoff(first: .milliseconds(100), last: .seconds(5))
    private var halts = Backoff(first: .seconds(1), last: .seconds(20))
    private let clock = ContinuousClock()
    private var batches = 0
    /// Batches until it is looked again whether there is anything for the projection; 0 while there was nothing of late.
    private var untilLook = 0
    private static let batchesBetweenLooks = 64
    /// Events of a batch that was worth its transaction; where so many come, they can gather for four times as long. What folds
    /// few of them is waited for by people, and costs little.
    private static let largeBatch: Int64 = 1_000
    /// With a mirror, others wait for what is applied, for example for holds that end.
    private static let largeBatchOfMirror: Int64 = 400
    /// How long what folds nothing of requests lets them pass before its checkpoint follows.
    private static let passing: Duration = .seconds(1)
    /// Tables grow; plans that were made when they were small are made anew after so many batches.
    private static let batchesOfPlan = 500

    init(projector: Projector, connection: PostgresConnection) {
        self.projector = projector
        self.connection = connection
        self.runner = BatchRunner(
            definition: projector.definition, schema: ProjectionSchema.live(projector.definition.name), connection: connection,
            mirror: projector.mirror)
    }

    /// Follows the ledger until the task is cancelled or the projection has to be given up.
    ///
    /// - Returns: How long to leave it to others.
    /// - Throws: When the connection is lost.
    mutating func follow() async throws -> Duration {
        while !Task.isCancelled {
            let began = clock.now
            let applied: BatchRunner.Applied
            do {
                // A mirror has to hear of every batch.
                applied = try await runner.apply(
                    limit: search.limit(after: position, normal: size.size),
                    looksFirst: untilLook == 0 && projector.mirror == nil)
            } catch {
                if let pause = try await failed(error) { return pause }
                continue
            }
            settled(applied, took: clock.now - began)
            if batches >= Self.batchesOfPlan {
                batches = 0
                try await connection.script("DISCARD PLANS")
            }
            if applied.upto >= applied.head { try await waitForMore(since: began, after: applied) }
        }
        return .zero
    }

    private mutating func settled(_ applied: BatchRunner.Applied, took duration: Duration) {
        position = applied.upto
        search.reached(position)
        if applied.moved {
            size.took(duration, count: applied.upto - applied.after)
            batches += 1
            untilLook = applied.foundAny.map { $0 ? Self.batchesBetweenLooks : 0 } ?? max(0, untilLook - 1)
        }
        outages.reset()
        halts.reset()
        projector.reached(position)
        projector.set(.live)
    }

    /// Returns when there is something to apply and it is time for it, or when something is wrong with the checkpoint.
    ///
    /// Events of requests gather until the pace allows the next batch, also those that come one at a time; a change that people
    /// wait for ends that, unless events come faster than they are applied.
    private func waitForMore(since began: ContinuousClock.Instant, after applied: BatchRunner.Applied) async throws {
        guard let signal = projector.signal else { return try await look() }
        let isBehind = signal.position > position
        if !isBehind {
            try await look()
            guard signal.position > position else { return }
        }
        // Spread, or all projections would take the processors at the same moment, from the requests.
        let spread = Double.random(in: 0.8...1.2)
        if !projector.definition.foldsRequests {
            await signal.wait(beyond: position, atMost: Self.passing * spread, forChange: true)
        }
        let rest = pace(after: applied) * spread - (clock.now - began)
        guard rest > .zero else { return }
        if isBehind {
            await Projector.sleep(rest)
        } else {
            await signal.wait(beyond: position, atMost: rest, forChange: true)
        }
    }

    /// Returns when the signal or the checkpoint says that there is something to do.
    private func look() async throws {
        while !Task.isCancelled {
            if let signal = projector.signal {
                guard await signal.wait(beyond: position, atMost: Projector.pollInterval) <= position else { return }
            } else {
                await Projector.sleep(Projector.pollInterval)
            }
            // Looking costs less than a transaction that locks the checkpoint.
            guard let checkpoint = try await Checkpoint.read(schema: runner.schema, connection) else { return }
            guard checkpoint.position == position, checkpoint.head == position, checkpoint.isOfThisLedger,
                checkpoint.isMade(by: projector.definition)
            else { return }
        }
    }

    private func pace(after applied: BatchRunner.Applied) -> Duration {
        let count = applied.upto - applied.after
        if projector.mirror != nil { return count > Self.largeBatchOfMirror ? projector.pace * 2 : projector.pace }
        return untilLook > 0 && count > Self.largeBatch ? projector.pace * 4 : projector.pace
    }

    /// - Returns: A pause when the projection is left to others; nil when it is tried again here.
    private mutating func failed(_ failure: BatchFailure) async throws -> Duration? {
        switch failure {
        case .poison(let after, let upto, let reason):
            position = after
            guard let poison = search.failed(after: after, upto: upto) else { return nil }
            try await poisoned(at: poison, reason)
            return nil
        case .unknown(let after, let upto, let reason):
            position = after
            guard let event = search.failed(after: after, upto: upto) else { return nil }
            if projector.definition.onPoison != .halt, projector.hasLeftToOthers(after: position) {
                try await poisoned(at: event, reason)
                return nil
            }
            try await stop(before: event, reason)
            return Self.leftToOthers
        case .outage(let error):
            guard connection.isOpen else { throw error }
            projector.logger.warning("a batch was rolled back", metadata: ["error": "\(error)"])
            if let error = error as? PostgresError {
                if error.code == .deadlineExceeded { size.timedOut() }
                if BatchFailure.isMissing(error) {
                    // Somebody has to mend it, and sees it in the status; until then it is tried again.
                    let reason = BatchFailure.reason(error)
                    // The right that is lost may be that to say so.
                    try? await Checkpoint.halt(schema: runner.schema, position: nil, error: reason, connection)
                    projector.set(.halted(position: nil, reason: reason))
                    guard connection.isOpen else { throw error }
                }
            }
            await Projector.sleep(outages.next())
            return nil
        case .outdated(let reason):
            // A process of the version that made the tables may still be there: it shall have them.
            projector.set(.halted(position: nil, reason: reason))
            return .seconds(1)
        case .elsewhere(let reason):
            projector.set(.halted(position: nil, reason: reason))
            return Self.leftToOthers
        case .otherHistory(let reason):
            try await Checkpoint.halt(schema: runner.schema, position: nil, error: reason, connection)
            projector.set(.halted(position: nil, reason: reason))
            return .seconds(1)
        case .missing:
            try await install()
            return nil
        }
    }

    /// A process of a later version, which knows the event, shall have the tables: what was parked instead would stay so.
    private func stop(before event: Int64, _ reason: String) async throws {
        do {
            try await projector.mirror?.distrust(event: event, connection: connection)
        } catch {
            guard connection.isOpen else { throw error }
            // It is tried again with the batch.
            projector.logger.warning(
                "the copy was not told of an event that is not understood",
                metadata: ["position": "\(event)", "error": "\(error)"])
        }
        try await Checkpoint.halt(schema: runner.schema, position: event, error: reason, connection)
        projector.set(.halted(position: event, reason: reason))
    }

    /// Longer than it takes a process that stands by to ask for the tables.
    private static let leftToOthers: Duration = .seconds(2)

    private mutating func poisoned(at poison: Int64, _ reason: String) async throws {
        if try await runner.park(position: poison, reason: reason) {
            projector.logger.error("an event was parked", metadata: ["position": "\(poison)", "reason": "\(reason)"])
            return
        }
        try await Checkpoint.halt(schema: runner.schema, position: poison, error: reason, connection)
        projector.set(.halted(position: poison, reason: reason))
        await Projector.sleep(halts.next())
    }

    private func install() async throws {
        do {
            try await Installer(definition: projector.definition, connection: connection)
                .install(schema: runner.schema, indexed: true)
        } catch let error as ProjectionError {
            projector.set(.halted(position: nil, reason: error.message))
            await Projector.sleep(.seconds(10))
        } catch let error as PostgresError where BatchFailure.isPoison(error) || BatchFailure.isMissing(error) {
            projector.set(.halted(position: nil, reason: "it can't be installed: \(BatchFailure.reason(error))"))
            await Projector.sleep(.seconds(10))
        }
    }
}
