/// Why an amount, a price or a multiplier can't be had. The text names no value that a caller gave in secret.
public struct MoneyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong.
    public enum Code: String, Sendable, Hashable {
        /// The text is not an optional `-`, digits and an optional point with more digits.
        case invalidDecimal
        /// The text is exact to more places than the type can hold; it is refused rather than rounded.
        case tooManyPlaces
        /// The result does not fit into 64 bits.
        case overflow
        /// A quantity, a price or a multiplier below zero.
        case negative
    }

    /// What went wrong.
    public let code: Code
    /// A sentence for people.
    public let message: String

    /// An error of `code` that says `message`.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The code and its sentence.
    public var description: String { "\(code.rawValue): \(message)" }
}
