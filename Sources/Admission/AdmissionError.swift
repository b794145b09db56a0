/// Why admission gave no answer.
public struct AdmissionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What a caller may branch on.
    public enum Code: String, Sendable, Hashable {
        /// Redis or Postgres did not answer in time: 503.
        case unavailable
        /// Too many unknown tokens came from one address: 429.
        case tooManyUnknownTokens
        /// The request id holds another amount already; ids are minted once, so this is a programming error.
        case duplicateRequest
        /// An amount would leave 64 bits.
        case overflow
        /// An argument can't be used: a digest that is not 32 bytes, an amount or a count below zero.
        case invalidRequest
        /// Redis evicts keys, or the files of `projections/admission` can't be read.
        case misconfigured
        /// Redis answered something that these functions never answer.
        case protocolViolation
    }

    public let code: Code
    /// What happened, in words; holds no token.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "admission \(code.rawValue): \(message)" }
}
