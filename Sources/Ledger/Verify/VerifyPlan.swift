/// The positions of a verification in pieces that several connections share.
struct VerifyPlan {
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

    let units: [Unit]

    /// - Parameters:
    ///   - sealed: the positions of the seals in a row from 1, oldest first.
    ///   - head: the last position.
    init(sealed: [ClosedRange<Int64>], head: Int64) {
        var pieces: [Piece] = []
        for (index, range) in sealed.enumerated() { pieces += Self.cut(range, seal: index) }
        let sealedTo = sealed.last?.upperBound ?? 0
        if head > sealedTo { pieces += Self.cut((sealedTo + 1)...head, seal: nil) }
        units = Self.group(pieces)
    }

    /// The plan of one seal that is about to be made.
    init(toSeal range: ClosedRange<Int64>) { units = Self.group(Self.cut(range, seal: 0)) }

    private static func cut(_ range: ClosedRange<Int64>, seal: Int?) -> [Piece] {
        stride(from: range.lowerBound, through: range.upperBound, by: Int64.Stride(pieceSize)).map { from in
            Piece(from: from, to: min(from + pieceSize - 1, range.upperBound), seal: seal)
        }
    }

    private static func group(_ pieces: [Piece]) -> [Unit] {
        var units: [Unit] = []
        var current: [Piece] = []
        for piece in pieces {
            current.append(piece)
            if piece.to - current[0].from + 1 >= pieceSize {
                units.append(Unit(pieces: current))
                current = []
            }
        }
        if !current.isEmpty { units.append(Unit(pieces: current)) }
        return units
    }
}
