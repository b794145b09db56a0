public import Logging
public import Postgres
import Synchronization

public import struct FoundationEssentials.UUID

/// Seals the ledger: recomputes what came since the last seal and signs it, outside the database.
public final class Sealer: Sendable {
    /// A seal covers at most so many events; a long backlog becomes several.
    static let maximumEvents: Int64 = 1 << 20
    /// So many events are read ahead at a time: about two milliseconds of a core here and as much in Postgres.
    static let bite: Int64 = 512

    private let client: PostgresClient
    private let ledger: UUID
    private let file: SealFile
    private let check: SealCheck
    private let key: SealKey
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var sealedTo: Int64 = 0
        var fault: String?
        /// What was read ahead for the next seal.
        var draft: SealDraft?
    }

    public init(client: PostgresClient, ledger: UUID, file: SealFile, key: SealKey, logger: Logger) {
        self.client = client
        self.ledger = ledger
        self.file = file
        check = SealCheck(client: client, file: file, keys: [key.publicKey], ledger: ledger)
        self.key = key
        self.logger = logger
    }

    /// The last position that is sealed, as far as this process knows.
    public var sealedTo: Int64 { state.withLock { $0.sealedTo } }

    /// Why the last attempt did not seal, or nil. A broken chain is never sealed.
    public var fault: String? { state.withLock { $0.fault } }

    /// The last position that was read ahead for the next seal.
    var readTo: Int64? { state.withLock { $0.draft?.to } }

    /// Seals everything up to the head as it is now. What comes meanwhile is for the next seal: under load it would never end.
    /// - Returns: the seals that were made; none when nothing is new.
    /// - Throws: `LedgerFault` for a chain that is broken, `LedgerBehindSeal`, `SealFileUnfit`, `PostgresError`, `FileError`;
    ///   also when another sealer was faster, which is no fault.
    @discardableResult
    public func seal() async throws -> [Seal] {
        do {
            var seals: [Seal] = []
            let head = try await LedgerReader(client).head()?.position ?? 0
            while let seal = try await sealNext(upTo: head) { seals.append(seal) }
            state.withLock { $0.fault = nil }
            return seals
        } catch let overtaken as SealFile.Overtaken {
            // The events were verified and about to be sealed, so nothing is wrong. What is read ahead from here on begins behind
            // the other's seal, or it would be of no use.
            let sealedTo = try? await check.continuation().sealedTo
            state.withLock { state in
                state.fault = nil
                if let sealedTo { state.sealedTo = sealedTo }
            }
            throw overtaken
        } catch {
            state.withLock { $0.fault = "\(error)" }
            throw error
        }
    }

    /// Seals at once, and then every `interval`, or sooner when `events` came since; until cancelled.
    ///
    /// In between it reads ahead a little at a time: to recompute a minute's events at once would take both cores from the
    /// requests of that moment.
    public func run(every interval: Duration = .seconds(60), events: Int64 = 100_000) async {
        var last: ContinuousClock.Instant?
        while !Task.isCancelled {
            do {
                let head = try await LedgerReader(client).head()?.position ?? 0
                let isDue = last.map { .now - $0 >= interval } ?? true
                if isDue || head - sealedTo >= events {
                    try await seal()
                    last = .now
                } else if fault == nil, await !readAhead(to: head) {
                    try await seal()
                    last = .now
                }
            } catch is SealFile.Overtaken {
                last = .now
            } catch  where Task.isCancelled {
                return
            } catch {
                logger.critical("the ledger was not sealed", metadata: ["error": "\(error)"])
                last = .now
            }
            try? await Task.sleep(for: min(interval, .seconds(1)))
        }
    }

    /// Reads what the next seal will cover, resting after each bite for as long as it took.
    /// - Returns: false when it could not, which sealing at once will find the reason of.
    func readAhead(to head: Int64) async -> Bool {
        let from = sealedTo + 1
        var draft = state.withLock { $0.draft }.flatMap { $0.from == from ? $0 : nil } ?? SealDraft(from: from)
        let last = min(head, from + Self.maximumEvents - 1)
        do {
            while draft.to < last, !Task.isCancelled {
                let start = ContinuousClock.now
                draft = try await reading(draft, to: last, atMost: Self.bite)
                state.withLock { $0.draft = draft }
                try await Task.sleep(for: max(.now - start, .milliseconds(10)))
            }
            return true
        } catch {
            state.withLock { $0.draft = nil }
            return error is SealDraft.Outdated || Task.isCancelled
        }
    }

    private func reading(_ draft: SealDraft, to last: Int64, atMost count: Int64) async throws -> SealDraft {
        try await client.withConnection { connection in
            var draft = draft
            try await draft.read(to: last, atMost: count, connection)
            return draft
        }
    }

    private func sealNext(upTo head: Int64) async throws -> Seal? {
        let start = try await check.continuation()
        state.withLock { $0.sealedTo = start.sealedTo }
        guard head >= start.atLeast else { return nil }
        let from = start.sealedTo + 1
        let to = max(min(head, from + Self.maximumEvents - 1), start.atLeast)
        let draft = try await recompute(from...to)
        guard let chain = draft.chain else { return nil }
        let isProtected = try await LedgerProtection.findings(client).isEmpty
        let seal = try key.sign(
            Seal(
                ledger: ledger, from: from, to: to, chain: chain, root: draft.root, previous: start.newest?.hash ?? Seal.none,
                time: .now, isProtected: isProtected))
        try await file.append(seal, behind: start.end)
        state.withLock { $0.sealedTo = to }
        logger.info("sealed", metadata: ["from": "\(from)", "to": "\(to)"])
        return seal
    }

    /// The whole range, every event verified on the way; what was read ahead is gone on with if the ledger still says the same.
    private func recompute(_ range: ClosedRange<Int64>) async throws -> SealDraft {
        let ahead = state.withLock { state in
            defer { state.draft = nil }
            return state.draft
        }
        if let ahead, ahead.from == range.lowerBound, ahead.to <= range.upperBound {
            do {
                return try await complete(ahead, to: range.upperBound)
            } catch is SealDraft.Outdated {
                logger.notice("the ledger changed under what was read of it for the next seal, which is read again")
            }
        }
        return try await complete(SealDraft(from: range.lowerBound), to: range.upperBound)
    }

    private func complete(_ ahead: SealDraft, to last: Int64) async throws -> SealDraft {
        var draft = ahead
        while draft.to < last { draft = try await reading(draft, to: last, atMost: VerifyPlan.pieceSize) }
        let rows = try await client.query("SELECT hash FROM ledger.events WHERE position = $1", [.int8(last)])
        guard let chain = try rows.first?.decode(0, as: [UInt8].self) else {
            throw LedgerFault(position: last, reason: .missing)
        }
        guard chain == draft.chain else { throw SealDraft.Outdated() }
        return draft
    }
}
