import Ledger
import Logging
import Redis
import Synchronization

/// Builds an organization's state in Redis anew from Postgres.
final class Healer: Sendable {
    private let store: AdmissionStore
    private let logger: Logger
    private let running = Mutex<[OrganizationID: Task<Outcome, Never>]>([:])
    private let failed = Mutex<[OrganizationID: ContinuousClock.Instant]>([:])

    init(store: AdmissionStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    enum Outcome: Sendable {
        case healed
        /// The ledger does not know the organization, or it is parked: trying again is of no use until something is done.
        case absent
        case failed
    }

    /// Organizations that could not be healed when last tried, within the last minute.
    var failures: Int {
        failed.withLock { failed in
            failed = failed.filter { store.surroundings.now() - $0.value < .seconds(60) }
            return failed.count
        }
    }

    /// Heals within the time given, or says that it could not. Those who ask for one organization at the same time share one
    /// attempt; those who ask right after a failure get the same answer.
    func heal(
        _ organization: OrganizationID, atLeast epoch: Int64 = 0, within limit: Duration = .milliseconds(250)
    ) async -> Outcome {
        if epoch == 0, let at = failed.withLock({ $0[organization] }), store.surroundings.now() - at < Self.pause {
            return .failed
        }
        let (task, isMine) = running.withLock { running -> (Task<Outcome, Never>, Bool) in
            if epoch == 0, let task = running[organization] { return (task, false) }
            // Not of the caller's task: it is shared, and one caller's cancellation must not fail the others.
            let task = Task(executorPreference: store.surroundings.executor) {
                await self.attempt(organization, atLeast: epoch, within: limit)
            }
            if running[organization] == nil { running[organization] = task }
            return (task, true)
        }
        let outcome = await task.value
        if isMine {
            running.withLock { if $0[organization] == task { $0[organization] = nil } }
            failed.withLock { failed in
                failed[organization] =
                    outcome == .healed || failed.count > Self.rememberedFailures ? nil : store.surroundings.now()
            }
        }
        return outcome
    }

    private static let pause: Duration = .milliseconds(100)
    private static let rememberedFailures = 10_000

    private func attempt(_ organization: OrganizationID, atLeast epoch: Int64, within limit: Duration) async -> Outcome {
        let deadline = store.surroundings.now() + limit
        let keys = OrganizationKeys(organization)
        let connection = store.any
        let name = RequestID.mint().uuid.lowercase
        do throws(AdmissionError) {
            while store.surroundings.now() < deadline {
                let answer = try await connection.call(
                    .claim, keys: keys.all, [.string(name), .integer(epoch), .integer(Claim.milliseconds)],
                    deadline: left(until: deadline))
                switch try Claim(answer) {
                case .known: return .healed
                case .wait: await store.surroundings.sleep(.milliseconds(5))
                case .claimed(let loss, let token):
                    do throws(AdmissionError) {
                        if try await seed(organization, loss, keys, token, deadline, on: connection) { return .healed }
                    } catch {
                        // Best effort: a claim that stays runs out by itself.
                        _ = try? await connection.call(.unclaim, keys: keys.all, [.string(token)])
                        throw error
                    }
                }
            }
        } catch {
            logger.warning(
                "an organization's admission state could not be built",
                metadata: ["organization": "\(organization)", "error": "\(error)"])
            return error.code == .invalidRequest ? .absent : .failed
        }
        return .failed
    }

    /// - Returns: false when another attempt is needed.
    private func seed(
        _ organization: OrganizationID, _ loss: Claim.Loss, _ keys: OrganizationKeys, _ token: String,
        _ deadline: ContinuousClock.Instant, on connection: any AdmissionConnection
    ) async throws(AdmissionError) -> Bool {
        var (seed, marker) = try await read(organization, deadline, for: connection)
        if !loss.isCovered(by: seed.epoch, marker) {
            _ = try await store.epochs.start(organization: organization, reason: loss.reason, deadline: left(until: deadline))
            (seed, marker) = try await read(organization, deadline, for: connection)
        }
        let answer = try await connection.call(
            .seed, keys: keys.all, [.string(token)] + seed.arguments, deadline: left(until: deadline))
        switch answer.string {
        case "seeded", "already":
            logger.info(
                "an organization's admission state was built anew",
                metadata: ["organization": "\(organization)", "reason": "\(loss.reason)", "epoch": "\(seed.epoch)"])
            return true
        case "lost": return false
        case "unknown":
            // What the events since the checkpoint do to it only the tables can say: they have to come first.
            throw AdmissionError(.unavailable, "the admission tables are behind a change that a state can't be built over")
        default: throw AdmissionError(.protocolViolation, "seed answered \(answer)")
        }
    }

    private func left(until deadline: ContinuousClock.Instant) -> Duration { deadline - store.surroundings.now() }

    /// The seed, and the marker of the Redis that it is for: of the one that the ledger trusted when the seed was read.
    private func read(
        _ organization: OrganizationID, _ deadline: ContinuousClock.Instant, for connection: any AdmissionConnection
    ) async throws(AdmissionError) -> (Seed, RedisMarker) {
        let server = ServerKeys(ledger: try await store.epochs.ledgerID())
        for _ in 0..<2 {
            // Redis first: what is read of the ledger later can't be older than what Redis was told from it.
            let marker = try await store.trust.marker(server, on: connection)
            if let runID = marker.runID {
                let seed = try await read(organization, deadline)
                if seed.runID == runID { return (seed, marker) }
            }
            // Everything is gone, not this organization alone; or the ledger trusts another Redis by now, which this refuses.
            try await store.trust.establish(on: connection)
        }
        throw AdmissionError(.unavailable, "the Redis that the ledger trusts was replaced meanwhile")
    }

    private func read(
        _ organization: OrganizationID, _ deadline: ContinuousClock.Instant
    ) async throws(AdmissionError) -> Seed {
        guard let seed = try await store.reads.seed(of: organization, deadline: left(until: deadline)) else {
            throw AdmissionError(.invalidRequest, "the organization is unknown to the ledger, or parked")
        }
        return seed
    }
}
