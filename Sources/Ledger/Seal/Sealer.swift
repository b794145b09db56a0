public import Logging
public import Postgres
import Synchronization

public import struct FoundationEssentials.UUID

/// Seals the ledger: recomputes what came since the last seal and signs it, outside the database.
public final class Sealer: Sendable {
    /// A seal covers at most so many events; a long backlog becomes several.
    static let maximumEvents: Int64 = 1 << 20

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

    /// Seals everything up to the present head.
    /// - Returns: the seals that were made; none when nothing is new.
    /// - Throws: `LedgerFault` for a chain that is broken, `LedgerBehindSeal`, `SealFileUnfit`, `PostgresError`, `FileError`.
    @discardableResult
    public func seal() async throws -> [Seal] {
        do {
            var seals: [Seal] = []
            while let seal = try await sealNext() { seals.append(seal) }
            state.withLock { $0.fault = nil }
            return seals
        } catch {
            state.withLock { $0.fault = "\(error)" }
            throw error
        }
    }

    /// Seals at once, and then every `interval`, or sooner when `events` came since; until cancelled.
    public func run(every interval: Duration = .seconds(60), events: Int64 = 100_000) async {
        var last: ContinuousClock.Instant?
        while !Task.isCancelled {
            do {
                let head = try await LedgerReader(client).head()?.position ?? 0
                let isDue = last.map { .now - $0 >= interval } ?? true
                if isDue || head - sealedTo >= events {
                    try await seal()
                    last = .now
                }
            } catch is SealFile.Overtaken {
                last = .now
            } catch {
                logger.critical("the ledger was not sealed", metadata: ["error": "\(error)"])
                last = .now
            }
            try? await Task.sleep(for: min(interval, .seconds(1)))
        }
    }

    private func sealNext() async throws -> Seal? {
        let start = try await check.continuation()
        state.withLock { $0.sealedTo = start.sealedTo }
        let reader = LedgerReader(client)
        guard let head = try await reader.head(), head.position >= start.atLeast else { return nil }
        let from = start.sealedTo + 1
        let to = max(min(head.position, from + Self.maximumEvents - 1), start.atLeast)
        let (root, chain) = try await recompute(from...to)
        let isProtected = try await LedgerProtection.findings(client).isEmpty
        let seal = try key.sign(
            Seal(
                ledger: ledger, from: from, to: to, chain: chain, root: root, previous: start.newest?.hash ?? Seal.none,
                time: .now, isProtected: isProtected))
        try await file.append(seal, behind: start.end)
        state.withLock { $0.sealedTo = to }
        logger.info("sealed", metadata: ["from": "\(from)", "to": "\(to)"])
        return seal
    }

    /// The Merkle root and the chain's hash of a range, every event verified on the way.
    private func recompute(_ range: ClosedRange<Int64>) async throws -> (root: [UInt8], chain: [UInt8]) {
        let units = VerifyPlan(toSeal: range)
        return try await client.withConnection { connection in
            var tree = MerkleTree()
            for unit in units {
                let outcome = try await UnitVerifier(connection: connection).verify(UnitScan(unit), unit: unit)
                if let fault = outcome.fault { throw fault }
                for part in outcome.trees.compactMap(\.self) { tree.append(part) }
            }
            let rows = try await connection.query(
                "SELECT hash FROM ledger.events WHERE position = $1", [.int8(range.upperBound)])
            guard let chain = try rows.first?.decode(0, as: [UInt8].self) else {
                throw LedgerFault(position: range.upperBound, reason: .missing)
            }
            return (Array(tree.root), chain)
        }
    }
}
