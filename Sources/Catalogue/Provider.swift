public import Money

/// A wire format that a provider speaks.
public enum Dialect: String, Sendable, Hashable, CaseIterable {
    /// OpenAI's chat completions, at `base_url` + `/chat/completions`, with a bearer token.
    case openai
    /// Anthropic's Messages, at `base_url` + `/v1/messages`, with the key in `x-api-key`.
    case anthropic
    /// Google's Gemini API, at `base_url` + `/v1beta/models/`, with the key in `x-goog-api-key`.
    case gemini
    /// Gemini at Vertex AI, below `/v1/projects/` or, for an API key without a project, `/v1/publishers/`; the key in
    /// `x-goog-api-key`, or a service account's access token.
    case vertex
    /// Anthropic's Messages at Vertex AI, below `/v1/projects/`, with a service account's access token.
    case vertexAnthropic = "vertex-anthropic"
    /// OpenAI's chat completions at Azure, below `/openai`, with the key in `api-key`.
    case azure
    /// Converse of Amazon Bedrock, at `base_url` + `/model/`, signed with an access key, or with a Bedrock API key as a bearer
    /// token.
    case bedrock
    /// The built-in provider: it answers inside the process and needs no account.
    case echo
}

/// What a provider takes back of the members that answers have beyond OpenAI's format: a client's SDK sends them with the message
/// that they came in.
public enum ReturnedMembers: String, Sendable, Hashable, CaseIterable {
    /// All, whether it reads them or not.
    case all
    /// `reasoning` alone.
    case reasoning
    /// None.
    case none
}

/// The member of a message in which a provider of OpenAI's format tells what was thought, and reads it again.
public enum ReasoningField: String, Sendable, Hashable, CaseIterable {
    /// `reasoning`, by which clients find it here whoever answers.
    case reasoning
    /// `reasoning_content`, as DeepSeek began to call it.
    case reasoningContent = "reasoning_content"
}

/// A company or a server that answers requests.
public struct Provider: Sendable, Hashable, CustomStringConvertible {
    /// Its id: lower-case letters, digits, `.`, `-` and `_`.
    public let id: String
    /// Its name for people.
    public let name: String
    /// The wire format it speaks.
    public let dialect: Dialect
    /// The URL of the catalogue, without a slash at the end; nil for the built-in provider, and where a part of it is an
    /// account's own.
    public let baseURL: String?
    /// What its options are where an account says nothing, by name: `region`.
    public let options: [String: String]
    /// The URL with the names of options in braces.
    let template: String?
    /// The part of its environment variables: `TOGETHER_AI` in `LLM_TOGETHER_AI_API_KEY`.
    public let environmentName: String
    /// How much it is preferred to others at which a model can be had: 1 is ordinary, 0 is only for who asks for it by name.
    public let priority: Multiplier
    /// Whether it refuses `stream_options`, which OpenAI's dialect has; it tells the usage of every stream without them.
    public let refusesStreamOptions: Bool
    /// What it takes back of an earlier answer; a request that holds more is refused there.
    public let returnedMembers: ReturnedMembers
    /// What it calls what was thought.
    public let reasoningField: ReasoningField
    /// The house's own accounts there, from the environment; empty when there are none. A provider without one can
    /// be used only with an organization's own key.
    public let accounts: [Account]

    /// The URL for an account with these options; nil when it takes one that is missing.
    public func baseURL(options own: [String: String]) -> String? {
        template.flatMap { ProviderOption.filled($0, options.merging(own) { $1 }) }
    }

    /// Whether a credential there may be the key of a service account, for which Google gives access tokens: what lies in a project.
    public var takesServiceAccounts: Bool {
        dialect == .vertex || dialect == .vertexAnthropic || template?.contains("{project}") == true
    }

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
        /// The secret that goes into a header; of a service account the JSON text of its key.
        public let apiKey: String
        /// What else there is to know of it, by name: `project`, `region`, `deployment_type`.
        public let options: [String: String]
        /// Whether `apiKey` is an access token, which is given for a service account and goes into `authorization`.
        public let isToken: Bool

        public init(baseURL: String, apiKey: String, options: [String: String] = [:], isToken: Bool = false) {
            self.baseURL = baseURL
            self.apiKey = apiKey
            self.options = options
            self.isToken = isToken
        }

        /// Whether it is a service account, for which an access token must be got first.
        public var isServiceAccount: Bool { apiKey.utf8.first == UInt8(ascii: "{") }

        /// The same account, opened by an access token.
        ///
        /// - Parameter project: Where the account names none itself.
        public func opened(by token: String, project: String?) -> Account {
            let known = project.map { ["project": $0] } ?? [:]
            return Account(baseURL: baseURL, apiKey: token, options: known.merging(options) { $1 }, isToken: true)
        }

        /// The server alone.
        public var description: String { "account at \(baseURL)" }
        /// The server alone.
        public var debugDescription: String { description }
    }
}
