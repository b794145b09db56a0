import Postgres
import Synchronization

import struct FoundationEssentials.UUID

/// Reads one unit over a connection and gives what came out.
struct UnitVerifier {
    let connection: PostgresConnection

    /// The result of a unit.
    struct Outcome: Sendable {
        let unit: VerifyPlan.Unit
        let fault: LedgerFault?
        let trees: [MerkleTree?]
        let resealed: Int64?
        /// The stored hash of the event before the unit, and of its last one.
        let origin: [UInt8]?
        let chain: [UInt8]
    }

    private final class Box: Sendable {
        let scan: Mutex<UnitScan>
        init(_ scan: UnitScan) { self.scan = Mutex(scan) }
    }

    private struct Stop: Error {}

    func verify(_ scan: consuming UnitScan, unit: VerifyPlan.Unit) async throws -> Outcome {
        let copy = scan.copy
        let box = Box(scan)
        do {
            try await connection.copyOut(copy, deadline: .seconds(600)) { chunk in
                guard box.scan.withLock({ $0.read(chunk) }) else { throw Stop() }
            }
        } catch is Stop {}
        let scanned = box.scan.withLock { scan in
            scan.finish()
            return scan
        }
        var fault = scanned.fault
        if let gap = try await firstGap(scanned.versions.open), gap.position < fault?.position ?? .max { fault = gap }
        return Outcome(
            unit: unit, fault: fault, trees: scanned.trees, resealed: scanned.resealed, origin: scanned.origin,
            chain: scanned.chain)
    }

    /// The first of these events whose stream does not have the version before it below its position.
    private func firstGap(_ open: [StreamVersions.Open]) async throws -> LedgerFault? {
        let step = 5000
        for start in stride(from: 0, to: open.count, by: step) {
            let part = open[start..<min(start + step, open.count)]
            let rows = try await connection.query(
                """
                SELECT e.position, e.kind, e.stream, e.version
                FROM unnest($1, $2, $3, $4) AS e (position, kind, stream, version)
                WHERE NOT EXISTS (
                    SELECT FROM ledger.events AS p
                    WHERE p.stream_kind = e.kind AND p.stream_id = e.stream AND p.stream_version = e.version - 1
                        AND p.position < e.position)
                ORDER BY e.position LIMIT 1
                """,
                [
                    .int8Array(part.map(\.position)), .textArray(part.map(\.kind)),
                    .uuidArray(part.map { UUID(high: $0.stream.high, low: $0.stream.low) }), .int8Array(part.map(\.version)),
                ])
            if let row = rows.first {
                let kind: String = try row.decode(1)
                let stream: UUID = try row.decode(2)
                let name = StreamKind(rawValue: kind).map { StreamName(kind: $0, id: stream).description } ?? kind
                return LedgerFault(
                    position: try row.decode(0), reason: .versionGap(stream: name, version: try row.decode(3)))
            }
        }
        return nil
    }
}
