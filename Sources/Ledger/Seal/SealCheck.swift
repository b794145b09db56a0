public import Crypto
public import Postgres
import Synchronization

public import struct FoundationEssentials.UUID

/// The ledger is not what its newest seal says: it was rolled back, or written again.
public struct LedgerBehindSeal: Error, Sendable, CustomStringConvertible {
    /// The newest seal.
    public let seal: Seal
    /// The ledger's last position now.
    public let head: Int64

    public var description: String {
        head < seal.to
            ? "the ledger ends at \(head) and is sealed to \(seal.to): it was rolled back; only --accept-rollback goes on from here"
            : "the ledger is sealed to \(seal.to) with another hash: it was rolled back or written again since; only"
                + " --accept-rollback goes on from here"
    }
}

/// A seal file holds something else than this ledger's seals.
public struct SealFileUnfit: Error, Sendable, CustomStringConvertible {
    public let fault: LedgerFault
    public var description: String { "the seals are not fit to go on from: \(fault)" }
}

/// Compares the ledger with its newest seal, at start-up and before every further seal.
public struct SealCheck: Sendable {
    private let client: PostgresClient
    private let file: SealFile
    private let keys: [Curve25519.Signing.PublicKey]
    private let ledger: UUID
    private let newest = Newest()

    /// What was read and found right before. A seal a minute is half a million a year: to read and verify them all for every
    /// further one would in time cost more than to serve.
    private final class Newest: Sendable {
        let state = Mutex<(seal: Seal, end: Int)?>(nil)
    }

    /// - Parameter keys: the keys that may have signed.
    public init(client: PostgresClient, file: SealFile, keys: [Curve25519.Signing.PublicKey], ledger: UUID) {
        self.client = client
        self.file = file
        self.keys = keys
        self.ledger = ledger
    }

    /// Where the next seal begins.
    struct Continuation: Sendable {
        /// The newest seal in the file.
        let newest: Seal?
        /// Where it ends in the file.
        let end: Int
        /// The last position that a seal covers that the ledger agrees with.
        let sealedTo: Int64
        /// The lowest position at which the next seal may end: after a rollback it must cover the event that accepted it.
        let atLeast: Int64
    }

    /// - Throws: `LedgerBehindSeal` when the ledger is not what the newest seal says and no rollback was accepted;
    ///   `SealFileUnfit`; `PostgresError`; `FileError`.
    public func run() async throws { _ = try await continuation() }

    /// Records that an operator accepts the rollback, so that the ledger goes on from where it is.
    /// - Returns: the event's position, or nil when there is nothing to accept.
    @discardableResult
    public func acceptRollback() async throws -> Int64? {
        do {
            try await run()
            return nil
        } catch let behind as LedgerBehindSeal {
            let event = try NewEvent(
                RollbackAccepted(sealedTo: behind.seal.to, sealedHash: Hexadecimal.encode(behind.seal.chain), head: behind.head),
                stream: StreamName(kind: .ledger, id: ledger), expectedVersion: nil, organization: nil,
                metadata: EventMetadata(source: "cli"))
            let rows = try await client.query(AppendBatch.sql, AppendBatch.parameters([Command(event)]))
            return AppendBatch.results(rows, count: 1)?.first?.position
        }
    }

    func continuation() async throws -> Continuation {
        if let next = try await continuationOfNewest() { return next }
        let part = try await file.read(behind: 0)
        let chain = SealChain(part?.seals ?? [], keys: keys, ledger: ledger)
        let end = part?.end ?? 0
        if let fault = chain.fault { throw SealFileUnfit(fault: fault) }
        guard let newest = chain.effective.last else { return Continuation(newest: nil, end: end, sealedTo: 0, atLeast: 1) }
        if try await agrees(newest) { return remember(newest, end: end) }
        let head = try await LedgerReader(client).head()?.position ?? 0
        guard let accepted = try await acceptance(of: newest) else { throw LedgerBehindSeal(seal: newest, head: head) }
        for seal in chain.effective.reversed() where try await agrees(seal) {
            return Continuation(newest: newest, end: end, sealedTo: seal.to, atLeast: accepted)
        }
        return Continuation(newest: newest, end: end, sealedTo: 0, atLeast: accepted)
    }

    /// From what was read before and the seals that have come since; nil when these are not simply the next ones, or the ledger
    /// does not agree with the last: then all are to be looked at.
    private func continuationOfNewest() async throws -> Continuation? {
        guard let known = newest.state.withLock({ $0 }), let part = try await file.read(behind: known.end) else { return nil }
        var last = known.seal
        for seal in part.seals {
            guard seal.isSigned(by: keys), seal.ledger == ledger, seal.previous == last.hash, seal.from == last.to + 1,
                seal.to >= seal.from
            else { return nil }
            last = seal
        }
        return try await agrees(last) ? remember(last, end: part.end) : nil
    }

    private func remember(_ seal: Seal, end: Int) -> Continuation {
        newest.state.withLock { $0 = (seal, end) }
        return Continuation(newest: seal, end: end, sealedTo: seal.to, atLeast: seal.to + 1)
    }

    private func agrees(_ seal: Seal) async throws -> Bool {
        let rows = try await client.query("SELECT hash FROM ledger.events WHERE position = $1", [.int8(seal.to)])
        guard let hash = try rows.first?.decode(0, as: [UInt8].self) else { return false }
        return hash == seal.chain
    }

    /// The position of the event that accepted to go on without what this seal covers.
    private func acceptance(of seal: Seal) async throws -> Int64? {
        let rows = try await client.query(
            """
            SELECT max(position) FROM ledger.events
            WHERE stream_kind = 'ledger' AND stream_id = $1 AND type = $2 AND data ->> 'sealed_to' = $3
                AND data ->> 'sealed_hash' = $4
            """,
            [.uuid(ledger), .text(RollbackAccepted.type), .text(String(seal.to)), .text(Hexadecimal.encode(seal.chain))])
        return try rows.first?.decode(0, as: Int64?.self) ?? nil
    }
}
