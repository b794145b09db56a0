public import Logging
public import Postgres
import Synchronization

/// This process's sign of life in the ledger's database: while it is renewed, nobody abandons what the process authorized.
public final class InstanceLease: Sendable {
    /// The database takes an instance for dead when its lease is 60 s old; this process stops admitting well before that.
    static let admitsFor = Duration.seconds(45)
    static let renewsEvery = Duration.seconds(5)

    /// The process's id; every authorization carries it.
    public let instance: InstanceID
    private let book: any LeaseBook
    private let surroundings: Surroundings
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        /// When the last renewal that succeeded was sent; the database's own time of it can only be later.
        var renewed: ContinuousClock.Instant?
        var isLost = false
    }

    public convenience init(instance: InstanceID = .mint(), client: PostgresClient, logger: Logger) {
        self.init(instance: instance, book: PostgresLeaseBook(client: client), surroundings: .machine, logger: logger)
    }

    package init(instance: InstanceID, book: any LeaseBook, surroundings: Surroundings, logger: Logger) {
        self.instance = instance
        self.book = book
        self.surroundings = surroundings
        self.logger = logger
    }

    /// Whether a request may be admitted: the lease was renewed less than 45 s ago by the monotonic clock, and is not lost.
    public var mayAdmit: Bool { mayAdmit(at: surroundings.now()) }

    func mayAdmit(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            guard let renewed = state.renewed, !state.isLost else { return false }
            return now - renewed < Self.admitsFor
        }
    }

    /// Whether the database said that the lease has run out. Then it is so for good: the process has to start again.
    public var isLost: Bool { state.withLock { $0.isLost } }

    /// Takes or renews the lease once.
    /// - Throws: `PostgresError`; the lease may be renewed nevertheless.
    public func renew() async throws {
        let sent = surroundings.now()
        let isRenewed = try await book.renew(instance, deadline: Self.renewsEvery)
        state.withLock { state in
            if isRenewed { state.renewed = max(state.renewed ?? sent, sent) } else { state.isLost = true }
        }
        if !isRenewed { logger.critical("the instance's lease has run out", metadata: ["instance": "\(instance)"]) }
    }

    /// Renews every 5 s until cancelled, or until the lease is lost.
    public func run() async {
        while !Task.isCancelled && !isLost {
            do { try await renew() } catch {
                logger.warning("the lease was not renewed", metadata: ["error": "\(error)"])
            }
            await surroundings.sleep(Self.renewsEvery)
        }
    }

    /// Gives the lease up, after everything is settled; nothing is admitted from here on.
    public func end() async throws {
        state.withLock { $0.isLost = true }
        try await book.end(instance, deadline: Self.renewsEvery)
    }
}
