public import Crypto
public import Postgres

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
        let seals = try await file.read()
        let chain = SealChain(seals, keys: keys, ledger: ledger)
        if let fault = chain.fault { throw SealFileUnfit(fault: fault) }
        guard let newest = chain.effective.last else { return Continuation(newest: nil, sealedTo: 0, atLeast: 1) }
        if try await agrees(newest) { return Continuation(newest: newest, sealedTo: newest.to, atLeast: newest.to + 1) }
        let head = try await LedgerReader(client).head()?.position ?? 0
        guard let accepted = try await acceptance(of: newest) else { throw LedgerBehindSeal(seal: newest, head: head) }
        for seal in chain.effective.reversed() where try await agrees(seal) {
            return Continuation(newest: newest, sealedTo: seal.to, atLeast: accepted)
        }
        return Continuation(newest: newest, sealedTo: 0, atLeast: accepted)
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
