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
    /// The hash before the next event, and room for its leaf: what the next hash is the hash of.
    private var link = [UInt8](repeating: 0, count: 64)
    private var hasPrevious = false
    private var previousRecorded = Int64.min
    private var isFirstChunk = true
    private var piece = 0
    private var buffer: [UInt8] = []
    private(set) var versions: StreamVersions
    /// The Merkle tree of each sealed piece.
    private(set) var trees: [MerkleTree?]
    /// The first fault of the unit; nothing is read behind it.
    private(set) var fault: LedgerFault?
    /// The first sealed position whose chain hash is not the sealed one.
    private(set) var resealed: Int64?
    /// The stored hash of the event before the unit; nil where the unit begins the ledger.
    private(set) var origin: [UInt8]?

    /// - Parameters:
    ///   - sealedHashes: the chain hashes that seals hold for positions of the unit.
    ///   - tree: the Merkle tree that the first piece goes on with.
    init(_ unit: VerifyPlan.Unit, sealedHashes: [Int64: [UInt8]] = [:], continuing tree: MerkleTree = MerkleTree()) {
        self.unit = unit
        self.sealedHashes = sealedHashes
        // The row before the unit gives the hash to begin with.
        expected = max(1, unit.from - 1)
        trees = unit.pieces.map { $0.seal == nil ? nil : MerkleTree() }
        if !unit.pieces.isEmpty, unit.pieces[0].seal != nil { trees[0] = tree }
        versions = StreamVersions(expected: Int(unit.to - unit.from) / 2)
    }

    /// The stored hash of the last event that was read.
    var chain: [UInt8] { Array(link[..<32]) }

    /// The rows that the unit wants.
    var copy: String {
        "COPY (SELECT \(CopiedEvents.columns) FROM ledger.events WHERE position BETWEEN \(expected) AND \(unit.to)"
            + " ORDER BY position) TO STDOUT (FORMAT binary)"
    }

    /// Reads one chunk of the COPY; false when there is a fault and no more is wanted.
    mutating func read(_ chunk: [UInt8]) -> Bool {
        do throws(CopiedEvents.Malformed) {
            var events = try CopiedEvents(chunk, isFirst: isFirstChunk)
            isFirstChunk = false
            while fault == nil, let event = try events.next(chunk) { check(event, in: chunk) }
        } catch {
            fault = LedgerFault(position: expected, reason: .malformed)
        }
        return fault == nil
    }

    /// To be called after the last chunk.
    mutating func finish() {
        if fault == nil && expected <= unit.to { fault = LedgerFault(position: expected, reason: .missing) }
    }

    private mutating func check(_ event: CopiedEvent, in chunk: [UInt8]) {
        func found(_ reason: LedgerFault.Reason) { fault = LedgerFault(position: expected, reason: reason) }
        guard let position = event.integer(.position, in: chunk), position == expected else { return found(.missing) }
        guard let hash = event.range(.hash), hash.count == 32, let recorded = event.integer(.recordedAt, in: chunk),
            let version = event.integer(.streamVersion, in: chunk), event.range(.streamKind) != nil,
            let stream = event.range(.streamID), stream.count == 16
        else { return found(.malformed) }
        if position == 1 {
            guard Self.isBeginning(event, in: chunk) else { return found(.wrongBeginning) }
            setPrevious(SHA256.hash(data: chunk[stream]))
        }
        defer {
            // The row before the unit is another unit's to check.
            for index in 0..<32 { link[index] = chunk[hash.lowerBound + index] }
            hasPrevious = true
            previousRecorded = recorded
            expected += 1
        }
        guard position >= unit.from else { return origin = Array(chunk[hash]) }
        guard hasPrevious else { return }
        let size = event.writeRecord(of: chunk, into: &buffer)
        let leaf = SHA256.hash(buffer, count: size)
        leaf.withUnsafeBytes { leaf in link.withUnsafeMutableBytes { $0[32...].copyBytes(from: leaf) } }
        guard Self.equal(SHA256.hash(link, count: 64), chunk[hash]) else { return found(.hashMismatch) }
        guard recorded > previousRecorded else { return found(.recordedOutOfOrder) }
        guard versions.follows(event, in: chunk, position: position, version: version) else {
            return found(.versionGap(stream: Self.name(chunk, event), version: version))
        }
        if position > unit.pieces[piece].to { piece += 1 }
        trees[piece]?.append(leaf)
        if resealed == nil, let sealed = sealedHashes[position], sealed[...] != chunk[hash] { resealed = position }
    }

    private static func isBeginning(_ event: CopiedEvent, in chunk: [UInt8]) -> Bool {
        event.bytes(.type, in: chunk)?.elementsEqual(LedgerCreated.type.utf8) ?? false
            && event.bytes(.streamKind, in: chunk)?.elementsEqual("ledger".utf8) ?? false
    }

    private mutating func setPrevious(_ digest: SHA256Digest) {
        digest.withUnsafeBytes { digest in link.withUnsafeMutableBytes { $0.copyBytes(from: digest) } }
        hasPrevious = true
    }

    private static func equal(_ digest: SHA256Digest, _ bytes: ArraySlice<UInt8>) -> Bool {
        digest.withUnsafeBytes { digest in bytes.withUnsafeBytes { $0.elementsEqual(digest) } }
    }

    private static func name(_ chunk: [UInt8], _ event: CopiedEvent) -> String {
        guard let kind = event.bytes(.streamKind, in: chunk), let stream = event.range(.streamID) else { return "" }
        let text = String(decoding: kind, as: UTF8.self)
        let bytes = chunk.span.bytes
        let id = UUID(
            high: bytes.bigEndian(at: stream.lowerBound, as: UInt64.self),
            low: bytes.bigEndian(at: stream.lowerBound + 8, as: UInt64.self))
        return StreamKind(rawValue: text).map { StreamName(kind: $0, id: id).description } ?? "\(text)/\(id.lowercase)"
    }
}
