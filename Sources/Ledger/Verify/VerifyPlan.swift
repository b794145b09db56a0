/// The positions of a verification in pieces that several connections share.
///
/// The units are made one after the other: whoever has moved an event to position 2^62 must not make them fill the memory.
struct VerifyPlan: Sequence {
    /// Positions in one row, under one seal or under none.
    struct Piece: Sendable {
        let from: Int64
        let to: Int64
        /// The seal's number, or nil in the unsealed tail.
        let seal: Int?
    }

    /// Pieces in a row, read by one COPY.
    struct Unit: Sendable {
        let pieces: [Piece]
        var from: Int64 { pieces[0].from }
        var to: Int64 { pieces[pieces.count - 1].to }
    }

    /// A power of two, so that a piece of a seal is a whole subtree of its Merkle tree.
    static let pieceSize: Int64 = 1 << 15

    private let sealed: [ClosedRange<Int64>]
    private let positions: ClosedRange<Int64>?
    private let pieceSize: Int64

    /// - Parameters:
    ///   - sealed: the positions of the seals in a row from 1, oldest first, none beyond the head.
    ///   - head: the last position.
    ///   - pieceSize: a power of two.
    init(sealed: [ClosedRange<Int64>], head: Int64, pieceSize: Int64 = Self.pieceSize) {
        self.sealed = sealed
        self.pieceSize = pieceSize
        positions = head < 1 ? nil : 1...head
    }

    func makeIterator() -> Iterator { Iterator(self) }

    struct Iterator: IteratorProtocol, Sendable {
        private let sealed: [ClosedRange<Int64>]
        private let pieceSize: Int64
        private let last: Int64
        /// Where the next piece begins, or nil behind the last.
        private var start: Int64?
        private var seal = 0

        fileprivate init(_ plan: VerifyPlan) {
            sealed = plan.sealed
            pieceSize = plan.pieceSize
            start = plan.positions?.lowerBound
            last = plan.positions?.upperBound ?? 0
        }

        mutating func next() -> Unit? {
            var pieces: [Piece] = []
            while let piece = nextPiece() {
                pieces.append(piece)
                if piece.to - pieces[0].from + 1 >= pieceSize { break }
            }
            return pieces.isEmpty ? nil : Unit(pieces: pieces)
        }

        private mutating func nextPiece() -> Piece? {
            guard let from = start else { return nil }
            while seal < sealed.count, sealed[seal].upperBound < from { seal += 1 }
            let isSealed = seal < sealed.count
            let end = isSealed ? sealed[seal].upperBound : last
            let to = from + Swift.min(end - from, pieceSize - 1)
            start = to < last ? to + 1 : nil
            return Piece(from: from, to: to, seal: isSealed ? seal : nil)
        }
    }
}
