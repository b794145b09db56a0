import Crypto

import struct FoundationEssentials.UUID

/// Recomputes the leaves and the chain of one unit from the rows as they are.
///
/// Every hash is checked against the one that is stored for the position before, so units need not wait for one another: if
/// all are right, the whole chain is.
struct UnitScan {
    private let unit: VerifyPlan.Unit
    /// The chain hash that a seal holds for a position.
    private let sealedHashes: [Int64: [UInt8]]
    private var expected: Int64
    private var previousHash: [UInt8]?
    private var previousRecorded = Int64.min
    private var isFirstChunk = true
    private var piece = 0
    private var buffer: [UInt8] = []
    private(set) var versions = StreamVersions()
    /// The Merkle tree of each sealed piece.
    private(set) var trees: [MerkleTree?]
    /// The first fault of the unit; nothing is read behind it.
    private(set) var fault: LedgerFault?
    /// The first sealed position whose chain hash is not the sealed one.
    private(set) var resealed: Int64?

    /// - Parameter sealedHashes: the chain hashes that seals hold for positions of the unit.
    init(_ unit: VerifyPlan.Unit, sealedHashes: [Int64: [UInt8]] = [:]) {
        self.unit = unit
        self.sealedHashes = sealedHashes
        // The row before the unit gives the hash to begin with.
        expected = max(1, unit.from - 1)
        trees = unit.pieces.map { $0.seal == nil ? nil : MerkleTree() }
    }

    /// The rows that the unit wants.
    var copy: String {
        "COPY (SELECT \(CopiedEvents.columns) FROM ledger.events WHERE position BETWEEN \(expected) AND \(unit.to)"
            + " ORDER BY position) TO STDOUT (FORMAT binary)"
    }

    /// Reads one chunk of the COPY; false when there is a fault and no more is wanted.
    mutating func read(_ chunk: [UInt8]) -> Bool {
        do throws(CopiedEvents.Malformed) {
            var events = try CopiedEvents(chunk: chunk, isFirst: isFirstChunk)
            isFirstChunk = false
            while fault == nil, let event = try events.next() { check(event) }
        } catch {
            fault = LedgerFault(position: expected, reason: .malformed)
        }
        return fault == nil
    }

    /// To be called after the last chunk.
    mutating func finish() {
        if fault == nil && expected <= unit.to { fault = LedgerFault(position: expected, reason: .missing) }
    }

    private mutating func check(_ event: CopiedEvent) {
        func found(_ reason: LedgerFault.Reason) { fault = LedgerFault(position: expected, reason: reason) }
        guard let position = event.integer(.position), position == expected else { return found(.missing) }
        guard let hash = event.bytes(.hash), let recorded = event.integer(.recordedAt), let kind = event.bytes(.streamKind),
            let stream = event.bytes(.streamID), stream.count == 16, let version = event.integer(.streamVersion)
        else { return found(.malformed) }
        if position == 1 {
            guard let type = event.bytes(.type), type.elementsEqual(LedgerCreated.type.utf8), kind.elementsEqual("ledger".utf8)
            else { return found(.wrongBeginning) }
            previousHash = Array(SHA256.hash(data: stream))
        }
        defer {
            previousHash = Array(hash)
            previousRecorded = recorded
            expected += 1
        }
        // The row before the unit is another unit's to check.
        guard position >= unit.from, let previousHash else { return }
        event.writeRecord(into: &buffer)
        let leaf = SHA256.hash(data: buffer)
        guard EventDigest.chain(previousHash, leaf).elementsEqual(hash) else { return found(.hashMismatch) }
        guard recorded > previousRecorded else { return found(.recordedOutOfOrder) }
        guard versions.follows(position: position, kind: kind, stream: stream, version: version) else {
            return found(.versionGap(stream: Self.name(kind, stream), version: version))
        }
        if position > unit.pieces[piece].to { piece += 1 }
        trees[piece]?.append(leaf)
        if resealed == nil, let sealed = sealedHashes[position], !hash.elementsEqual(sealed) { resealed = position }
    }

    private static func name(_ kind: ArraySlice<UInt8>, _ stream: ArraySlice<UInt8>) -> String {
        let kind = String(decoding: kind, as: UTF8.self)
        let high = stream.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let low = stream.dropFirst(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let id = UUID(high: high, low: low)
        return StreamKind(rawValue: kind).map { StreamName(kind: $0, id: id).description } ?? "\(kind)/\(id.lowercase)"
    }
}
