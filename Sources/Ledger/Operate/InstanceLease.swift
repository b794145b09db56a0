public import Logging
public import Postgres
import Synchronization

/// This process's sign of life in the ledger's database: while it is renewed, nobody abandons what the process authorized.
///
/// A lease that is old can be renewed until another process has buried it, because nobody can renew while the database is away.
public final class InstanceLease: Sendable {
    /// An instance may be buried when its lease is 60 s old; this process stops admitting well before that.
    static let admitsFor = Duration.seconds(45)
    static let renewsEvery = Duration.seconds(5)

    /// The process's id; every authorization carries it. It is another one after the lease was buried: the dead stay dead,
    /// because recovery may have begun to abandon what they authorized.
    public var instance: InstanceID { state.withLock { $0.instance } }
    private let book: any LeaseBook
    private let surroundings: Surroundings
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        var instance: InstanceID
        /// When the last renewal that succeeded was sent; the database's own time of it can only be later.
        var renewed: ContinuousClock.Instant?
        var hasEnded = false
    }

    public convenience init(instance: InstanceID = .mint(), client: PostgresClient, logger: Logger) {
        self.init(instance: instance, book: PostgresLeaseBook(client: client), surroundings: .machine, logger: logger)
    }

    package init(instance: InstanceID, book: any LeaseBook, surroundings: Surroundings, logger: Logger) {
        state = Mutex(State(instance: instance))
        self.book = book
        self.surroundings = surroundings
        self.logger = logger
    }

    /// Whether a request may be admitted: the lease was renewed less than 45 s ago by the monotonic clock.
    public var mayAdmit: Bool { mayAdmit(at: surroundings.now()) }

    func mayAdmit(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            guard let renewed = state.renewed, !state.hasEnded else { return false }
            return now - renewed < Self.admitsFor
        }
    }

    /// Takes or renews the lease once, under another id where it was buried.
    /// - Throws: `PostgresError`; the lease may be renewed nevertheless.
    public func renew() async throws {
        let instance = instance
        if try await renew(instance) { return }
        let next = state.withLock { state -> InstanceID? in
            guard !state.hasEnded, state.instance == instance else { return nil }
            (state.instance, state.renewed) = (.mint(), nil)
            return state.instance
        }
        guard let next else { return }
        logger.error(
            "the instance's lease ran out and was buried; it goes on as another",
            metadata: ["instance": "\(instance)", "next": "\(next)"])
        _ = try await renew(next)
    }

    /// - Returns: false for an instance that is dead.
    private func renew(_ instance: InstanceID) async throws -> Bool {
        let sent = surroundings.now()
        guard try await book.renew(instance, deadline: Self.renewsEvery) else { return false }
        state.withLock { state in
            if state.instance == instance { state.renewed = max(state.renewed ?? sent, sent) }
        }
        return true
    }

    /// Buries the instances whose leases have run out. Only then may what they authorized be abandoned: until then they can renew.
    ///
    /// - Returns: False, and nobody is buried, unless this process has renewed its own lease without a break for 25 s: after an outage
    ///   of the database, every process that lives has had that time to renew its own.
    public func buryOthers() async throws -> Bool {
        let instance = state.withLock { state -> InstanceID? in state.hasEnded ? nil : state.instance }
        guard let instance else { return false }
        return try await book.bury(by: instance, deadline: Self.renewsEvery)
    }

    /// Renews every 5 s until cancelled.
    public func run() async {
        while !Task.isCancelled {
            do { try await renew() } catch {
                logger.warning("the lease was not renewed", metadata: ["error": "\(error)"])
            }
            await surroundings.sleep(Self.renewsEvery)
        }
    }

    /// Gives the lease up, after everything is settled; nothing is admitted from here on.
    public func end() async throws {
        let instance = state.withLock { state in
            state.hasEnded = true
            return state.instance
        }
        try await book.end(instance, deadline: Self.renewsEvery)
    }
}
