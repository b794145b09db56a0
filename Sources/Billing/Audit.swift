public import Ledger
public import Postgres
public import Projections
internal import Synchronization
internal import Web

/// What an auditor's questions need beside the books: seals, and read models that can be made anew.
public struct Audit: Sendable {
    let books: PostgresClient
    let seals: @Sendable () async throws -> [Seal]
    let projections: ProjectionCatalogue
    let replaying: PostgresConfiguration
    private let turns = Turns()

    /// - Parameters:
    ///   - books: Where statements, postings and exports are read: a pool of their own, so that who reads long ones keeps
    ///     nobody else waiting.
    ///   - seals: Those that hold, as they are now.
    ///   - replaying: A role that is, or may become, `llmgateway_projector`.
    public init(
        books: PostgresClient, projections: ProjectionCatalogue, replaying: PostgresConfiguration,
        seals: @escaping @Sendable () async throws -> [Seal]
    ) {
        self.books = books
        self.projections = projections
        self.replaying = replaying
        self.seals = seals
    }

    /// A place among the few that may read the whole ledger at once, or a whole seal's part of it; given back with the last
    /// reference to it.
    final class Turn: Sendable {
        private let turns: Turns

        fileprivate init(_ turns: Turns) { self.turns = turns }

        deinit { turns.taken.withLock { $0 -= 1 } }
    }

    fileprivate final class Turns: Sendable {
        /// Completions share the machine and the pool of connections.
        static let most = 2
        let taken = Mutex(0)
    }

    /// - Throws: 503 while all are taken.
    func turn() throws(WebError) -> Turn {
        let isFree = turns.taken.withLock { taken in
            guard taken < Turns.most else { return false }
            taken += 1
            return true
        }
        guard isFree else { throw WebError.unavailable("Other reports over the whole ledger are being made.", retryAfter: 5) }
        return Turn(turns)
    }

    func onTurn<R>(_ body: () async throws(WebError) -> R) async throws(WebError) -> R {
        let turn = try turn()
        let result = try await body()
        withExtendedLifetime(turn) {}
        return result
    }
}
