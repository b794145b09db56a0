public import Crypto
public import Logging
public import Postgres
import Synchronization

import class FoundationEssentials.ProcessInfo
import struct FoundationEssentials.UUID

/// Recomputes the whole ledger: every leaf, every hash, positions without a gap, versions in a row, times that grow, and every
/// seal. Nothing is sampled.
public struct Verifier: Sendable {
    /// Seals, and the keys that may have signed them.
    public struct SealSet: Sendable {
        public let seals: [Seal]
        public let keys: [Curve25519.Signing.PublicKey]

        public init(seals: [Seal], keys: [Curve25519.Signing.PublicKey]) {
            self.seals = seals
            self.keys = keys
        }

    }

    /// One more than there are processors, at most 8: while one waits for Postgres, the others keep them busy.
    public static let usualConnections = min(ProcessInfo.processInfo.activeProcessorCount + 1, 8)

    private let configuration: PostgresConfiguration
    private let seals: SealSet?
    private let connections: Int
    private let logger: Logger
    /// Another size makes units of few events, for tests of what lies between two.
    var pieceSize = VerifyPlan.pieceSize

    /// - Parameters:
    ///   - seals: nil checks the chain alone; then nobody can tell that it was written again or cut off.
    ///   - connections: how many read at the same time.
    public init(
        configuration: PostgresConfiguration, seals: SealSet?, connections: Int = Self.usualConnections, logger: Logger
    ) {
        var session = configuration
        session.applicationName = "llmgateway verify"
        self.configuration = session
        self.seals = seals
        self.connections = max(1, connections)
        self.logger = logger
    }

    /// Verifies everything up to the head of now.
    /// - Parameter progress: is called now and then, from any task.
    /// - Throws: `PostgresError` when the ledger can't be read. What is wrong with it is in the report.
    public func run(progress: (@Sendable (VerifyProgress) -> Void)? = nil) async throws -> VerifyReport {
        let start = ContinuousClock.now
        let connection = try await PostgresConnection.connect(configuration, logger: logger)
        let head = try await Head(connection)
        var chain = SealChain(seals?.seals ?? [], keys: seals?.keys ?? [], ledger: head.ledger)
        if chain.fault == nil { chain.fault = try await chain.unacceptedRollback(connection) }
        await connection.close()

        let plan = VerifyPlan(
            sealed: chain.effective.map { $0.from...$0.to }.filter { $0.upperBound <= head.position }, head: head.position,
            pieceSize: pieceSize)
        let work = Work(plan, total: head.position, start: start, progress: progress)
        let hashes = Dictionary(chain.effective.map { ($0.to, $0.chain) }) { first, _ in first }
        let outcomes = try await withThrowingTaskGroup(of: [UnitVerifier.Outcome].self) { group in
            for _ in plan.prefix(connections) {
                group.addTask { try await self.verify(work, sealedHashes: hashes) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        // Of several faults at one position, what is wrong with the event says the most.
        var faults = [head.fault].compactMap(\.self) + outcomes.compactMap(\.fault)
        if let sealed = chain.effective.last, sealed.to > head.position {
            faults.append(LedgerFault(position: head.position + 1, reason: .tailMissing(sealedTo: sealed.to)))
        }
        faults += [chain.fault].compactMap(\.self) + chain.faults(outcomes)
        return VerifyReport(
            ledger: head.ledger, head: head.position, headHash: head.hash, seals: chain.effective.count,
            sealedTo: min(chain.effective.last?.to ?? 0, head.position), supersededSeals: chain.superseded,
            sealedProtected: chain.effective.isEmpty ? nil : chain.effective.allSatisfy(\.isProtected),
            fault: faults.min { $0.position < $1.position }, elapsed: .now - start)
    }

    private func verify(_ work: Work, sealedHashes: [Int64: [UInt8]]) async throws -> [UnitVerifier.Outcome] {
        try await PostgresConnection.connect(configuration, logger: logger).use { connection in
            var outcomes: [UnitVerifier.Outcome] = []
            while let unit = work.next() {
                let scan = UnitScan(unit, sealedHashes: sealedHashes.filter { (unit.from...unit.to).contains($0.key) })
                let outcome = try await UnitVerifier(connection: connection).verify(scan, unit: unit)
                work.done(outcome)
                outcomes.append(outcome)
            }
            return outcomes
        }
    }

    /// Where the ledger ends and begins.
    private struct Head {
        var ledger: UUID?
        var position: Int64 = 0
        var hash: [UInt8] = []
        var fault: LedgerFault?

        init(_ connection: PostgresConnection) async throws {
            let rows = try await connection.query(
                "SELECT position, hash FROM ledger.events ORDER BY position DESC LIMIT 1")
            if let row = rows.first {
                position = max(0, try row.decode(0))
                hash = try row.decode(1)
            }
            let first = try await connection.query(
                "SELECT position, stream_id FROM ledger.events ORDER BY position LIMIT 1")
            if let row = first.first {
                let lowest: Int64 = try row.decode(0)
                if lowest == 1 { ledger = try row.decode(1) }
                if lowest < 1 { fault = LedgerFault(position: lowest, reason: .malformed) }
            }
        }
    }

    /// The units that are left, given out in order so that nothing behind a fault is read in vain.
    private final class Work: Sendable {
        private struct State {
            var units: VerifyPlan.Iterator
            var verified: Int64 = 0
            var limit = Int64.max
        }

        private let state: Mutex<State>
        private let total: Int64
        private let start: ContinuousClock.Instant
        private let progress: (@Sendable (VerifyProgress) -> Void)?

        init(
            _ plan: VerifyPlan, total: Int64, start: ContinuousClock.Instant,
            progress: (@Sendable (VerifyProgress) -> Void)?
        ) {
            state = Mutex(State(units: plan.makeIterator()))
            self.total = total
            self.start = start
            self.progress = progress
        }

        func next() -> VerifyPlan.Unit? {
            state.withLock { state in
                guard let unit = state.units.next(), unit.from <= state.limit else { return nil }
                return unit
            }
        }

        func done(_ outcome: UnitVerifier.Outcome) {
            let verified = state.withLock { state in
                state.verified += outcome.unit.to - outcome.unit.from + 1
                if let fault = outcome.fault { state.limit = min(state.limit, fault.position) }
                return state.verified
            }
            progress?(VerifyProgress(verified: verified, total: total, elapsed: .now - start))
        }
    }
}
