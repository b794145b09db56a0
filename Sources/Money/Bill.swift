/// Lines and their sum.
public struct Bill: Codable, Sendable, Hashable {
    /// One line for each component that was used.
    public let lines: [PriceLine]
    /// The sum of the lines' amounts.
    public let total: NanoDollars

    /// Nothing.
    public static let none = Bill(lines: [], total: .zero)

    /// A bill as it was recorded; the total is not checked.
    public init(lines: [PriceLine], total: NanoDollars) {
        self.lines = lines
        self.total = total
    }

    /// A new bill, whose total is the sum of the lines.
    public init(lines: [PriceLine]) throws(MoneyError) {
        self.init(lines: lines, total: try lines.total())
    }

    /// The sum of the lines of `component`.
    public func amount(of component: String) throws(MoneyError) -> NanoDollars {
        try lines.filter { $0.component == component }.total()
    }
}
