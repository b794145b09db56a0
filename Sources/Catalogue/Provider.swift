/// A wire format that a provider speaks.
public enum Dialect: String, Sendable, Hashable, CaseIterable {
    /// OpenAI's chat completions, at `base_url` + `/chat/completions`, with a bearer token.
    case openai
    /// Anthropic's Messages, at `base_url` + `/v1/messages`, with the key in `x-api-key`.
    case anthropic
    /// Google's Gemini API, at `base_url` + `/v1beta/models/`, with the key in `x-goog-api-key`.
    case gemini
    /// The built-in provider: it answers inside the process and needs no account.
    case echo
}

/// A company or a server that answers requests.
public struct Provider: Sendable, Hashable, CustomStringConvertible {
    /// Its id: lower-case letters, digits, `.`, `-` and `_`.
    public let id: String
    /// Its name for people.
    public let name: String
    /// The wire format it speaks.
    public let dialect: Dialect
    /// The URL of the catalogue, without a slash at the end; nil for the built-in provider.
    public let baseURL: String?
    /// The part of its environment variables: `TOGETHER_AI` in `LLM_TOGETHER_AI_API_KEY`.
    public let environmentName: String
    /// The house's own accounts there, from the environment; empty when there are none. A provider without one can
    /// be used only with an organization's own key.
    public let accounts: [Account]

    /// Whether the house can send requests there.
    public var isUsable: Bool { dialect == .echo || !accounts.isEmpty }

    /// Whether an organization named it, rather than the catalogue; see ``CustomProvider``.
    public var isCustom: Bool { environmentName.isEmpty }

    /// The id and the name; never a credential.
    public var description: String { "\(id) (\(name))" }

    /// The name that a provider has there unless its description says another: `together-ai` is `TOGETHER_AI`.
    static func environmentName(_ id: String) -> String {
        String(id.uppercased().map { $0 == "-" || $0 == "." ? "_" : $0 })
    }

    /// One credential and the server that it is for.
    public struct Account: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
        /// The server, without a slash at the end.
        public let baseURL: String
        /// The secret that goes into a header.
        public let apiKey: String

        public init(baseURL: String, apiKey: String) {
            self.baseURL = baseURL
            self.apiKey = apiKey
        }

        /// The server alone.
        public var description: String { "account at \(baseURL)" }
        /// The server alone.
        public var debugDescription: String { description }
    }
}
