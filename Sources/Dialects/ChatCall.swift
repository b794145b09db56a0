public import Catalogue

/// Where a request goes whose bytes the provider takes as they are.
public struct ChatCall: Sendable {
    public let url: String
    /// The headers beside `content-type` and `accept`.
    public let headers: [(String, String)]

    /// - Parameters:
    ///   - model: The provider's name for the model.
    ///   - kind: What it is asked for.
    public init(_ dialect: Dialect, model: String, kind: ModelKind = .chat, at account: Provider.Account) {
        let path = kind.path.dropFirst(3)
        switch dialect {
        case .azure:
            url = account.baseURL + Self.azurePath(path, model: model, account.options)
            headers = [("api-key", account.apiKey)] + Self.azureHeaders(account.options)
        case .openai, .anthropic, .gemini, .vertex, .vertexAnthropic, .bedrock, .echo:
            url = account.baseURL + path
            headers = [("authorization", "Bearer \(account.apiKey)")]
        }
    }

    /// A resource of AI Foundry names the model in the body; an older one has a deployment for each
    /// (https://learn.microsoft.com/azure/ai-foundry/openai/reference). Models of others than OpenAI have a place of their own
    /// (https://learn.microsoft.com/rest/api/aifoundry/modelinference).
    static func azurePath(_ path: Substring, model: String, _ options: [String: String]) -> String {
        let version = options["api_version"] ?? "2024-10-21"
        return switch options["deployment_type"] {
        case "openai": "/openai/deployments/\(model)\(path)?api-version=\(version)"
        case modelInference: "/models\(path)?api-version=\(version)"
        default: "/openai/v1\(path)"
        }
    }

    private static let modelInference = "models"

    /// There a parameter that the service itself does not know is an error unless it is to be passed on to the model.
    private static func azureHeaders(_ options: [String: String]) -> [(String, String)] {
        options["deployment_type"] == modelInference ? [("extra-parameters", "pass-through")] : []
    }
}

extension ModelKind {
    /// Where it is asked, of the gateway and of a provider that speaks OpenAI's format.
    public var path: String {
        switch self {
        case .chat: "/v1/chat/completions"
        case .embedding: "/v1/embeddings"
        case .moderation: "/v1/moderations"
        case .image: "/v1/images/generations"
        }
    }
}
