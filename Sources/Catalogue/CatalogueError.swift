/// Why a catalogue can't be used: which file, which entry in it, which field, and what is wrong there.
public struct CatalogueError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file's path as it was given, or `environment`.
    public let file: String
    /// The entry, such as `model gpt-4o, mapping 0` or `provider openai`; empty when the whole file is meant.
    public let entry: String
    /// The field, such as `prices.input`; empty when the whole entry is meant.
    public let field: String
    /// What is wrong.
    public let message: String

    init(file: String, entry: String = "", field: String = "", _ message: String) {
        self.file = file
        self.entry = entry
        self.field = field
        self.message = message
    }

    /// `file: entry: field: message`, without the empty ones.
    public var description: String { [file, entry, field, message].filter { !$0.isEmpty }.joined(separator: ": ") }
}

/// Why a name in a request's `model` leads to no mapping.
public struct ResolutionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong with the name.
    public enum Code: String, Sendable, Hashable {
        /// No model, alias, or model of that provider has this name.
        case unknownModel
        /// The text before the slash names no provider.
        case unknownProvider
        /// Every mapping of the model was switched off.
        case deactivated
    }

    /// What is wrong with the name.
    public let code: Code
    /// A sentence for the client.
    public let message: String

    /// The HTTP status that says so: 400, or 410 for a model that was switched off.
    public var status: Int { code == .deactivated ? 410 : 400 }

    /// The message.
    public var description: String { message }
}
