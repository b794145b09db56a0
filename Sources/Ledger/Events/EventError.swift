/// Why an event could not be built or read.
public struct EventError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong.
    public enum Code: Sendable, Hashable {
        /// Text holds NUL, a lone surrogate, or is not UTF-8.
        case invalidText
        /// An event above `NewEvent.maximumBytes`, or a command above `Command.maximumBytes` or `Command.maximumEvents`.
        case tooLarge
        /// The event breaks a rule of its stream, for example a request event without an expected version.
        case invalidEvent
        /// The data could not be written as JSON.
        case encodingFailed
        /// The recorded data is not what its type and version say.
        case decodingFailed
        /// This build knows no such type, or not in this schema version.
        case unknownType
    }

    public let code: Code
    /// What a person should know; never data of the event.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
