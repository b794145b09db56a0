internal import Ledger
internal import Money

/// A ``Reconciliation`` as it is shown: amounts in US dollars.
public struct ReconciliationReport: Sendable, Encodable {
    public struct Line: Sendable, Encodable {
        public let kind: String
        /// Stripe's id of the payment intent, or of a subscription's bill.
        public let id: String
        public let here: String?
        public let there: String?
        /// `equal`, `only here`, `only there` or `different`.
        public let finding: String
    }

    public let from: String
    public let to: String
    /// Whether both sides say the same of everything.
    public let balanced: Bool
    public let equal: Int
    public let onlyHere: Int
    public let onlyThere: Int
    public let different: Int
    public let lines: [Line]
    /// What has nothing to do with customers, by Stripe's type.
    public let others: [String: String]

    public init(_ found: Reconciliation) {
        from = found.from.iso8601
        to = found.to.iso8601
        balanced = found.isBalanced
        equal = found.lines.count(where: \.isEqual)
        onlyHere = found.onlyHere.count
        onlyThere = found.onlyThere.count
        different = found.different.count
        lines = found.lines.map { line in
            Line(
                kind: line.kind.rawValue, id: line.id, here: line.here?.decimal, there: line.there?.decimal,
                finding: line.isEqual ? "equal" : line.there == nil ? "only here" : line.here == nil ? "only there" : "different")
        }
        others = found.others.mapValues(\.decimal)
    }

    /// The lines as rows, the names of the columns first.
    public var table: [[String]] {
        [["kind", "id", "here", "there", "finding"]]
            + lines.map { [$0.kind, $0.id, $0.here ?? "", $0.there ?? "", $0.finding] }
    }
}
