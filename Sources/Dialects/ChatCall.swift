public import Catalogue

/// Where a chat completion request goes whose bytes the provider takes as they are.
public struct ChatCall: Sendable {
    public let url: String
    /// The headers beside `content-type` and `accept`.
    public let headers: [(String, String)]

    /// - Parameter model: The provider's name for the model.
    public init(_ dialect: Dialect, model: String, at account: Provider.Account) {
        switch dialect {
        case .azure:
            url = account.baseURL + Self.azurePath(model: model, account.options)
            headers = [("api-key", account.apiKey)]
        case .openai, .anthropic, .gemini, .vertex, .echo:
            url = account.baseURL + "/chat/completions"
            headers = [("authorization", "Bearer \(account.apiKey)")]
        }
    }

    /// A resource of AI Foundry names the model in the body; an older one has a deployment for each
    /// (https://learn.microsoft.com/azure/ai-foundry/openai/reference).
    private static func azurePath(model: String, _ options: [String: String]) -> String {
        guard options["deployment_type"] == "openai" else { return "/openai/v1/chat/completions" }
        let version = options["api_version"] ?? "2024-10-21"
        return "/openai/deployments/\(model)/chat/completions?api-version=\(version)"
    }
}
