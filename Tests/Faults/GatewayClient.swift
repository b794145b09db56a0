import Foundation
import FoundationNetworking
import TestSupport

/// A client of a running gateway: a shop with one key, and calls without a body of one's own.
enum GatewayClient {
    struct Answer: Sendable {
        let status: Int
        let body: String
        /// The gateway's own id of the request.
        let request: String?
        var retryAfter: String?
    }

    private struct Created: Decodable { let organization: String?, project: String?, token: String? }

    struct Shop: Sendable { let organization: String, token: String }

    /// An organization with credits, a project and a key; returns the key's token.
    static func shop(_ gateway: GatewayProcess, credits: String = "100") async throws -> String {
        try await openShop(gateway, credits: credits).token
    }

    static func openShop(_ gateway: GatewayProcess, credits: String = "100") async throws -> Shop {
        func created(_ text: String) throws -> Created { try JSONDecoder().decode(Created.self, from: Data(text.utf8)) }
        let organization = try created(await gateway.command("organizations", "create", "--name", "Faults", "--json"))
        let id = organization.organization ?? ""
        try await gateway.command("credits", "grant", "--organization", id, "--amount", credits, "--json")
        let project = try created(
            await gateway.command("projects", "create", "--organization", id, "--name", "Faults", "--json"))
        let key = try created(
            await gateway.command("keys", "create", "--project", project.project ?? "", "--name", "Faults", "--json"))
        return Shop(organization: id, token: key.token ?? "")
    }

    /// - Parameter token: An API key's; nil for what anybody may read.
    static func get(_ gateway: GatewayProcess, _ path: String, _ token: String? = nil) async throws -> Answer {
        var request = URLRequest(url: try address(gateway.url, path))
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "authorization") }
        return try await send(request)
    }

    /// A completion, of the built-in provider unless a model is named.
    static func chat(
        _ gateway: GatewayProcess, _ token: String, model: String = "echo", maximum: Int = 10, url: String? = nil
    ) async throws -> Answer {
        var request = URLRequest(url: try address(url ?? gateway.url, "/v1/chat/completions"))
        request.httpMethod = "POST"
        request.setValue("Bearer \(token)", forHTTPHeaderField: "authorization")
        request.setValue("application/json", forHTTPHeaderField: "content-type")
        request.httpBody = Data(
            #"{"model":"\#(model)","messages":[{"role":"user","content":"hi"}],"max_tokens":\#(maximum)}"#.utf8)
        return try await send(request)
    }

    private static func address(_ server: String, _ path: String) throws -> URL {
        guard let url = URL(string: server + path) else {
            throw ChildProcess.Failure(description: "not an address: \(server)\(path)")
        }
        return url
    }

    private static func send(_ request: URLRequest) async throws -> Answer {
        let (data, response) = try await URLSession.shared.data(for: request)
        let http = response as? HTTPURLResponse
        return Answer(
            status: http?.statusCode ?? 0, body: String(decoding: data, as: UTF8.self),
            request: http?.value(forHTTPHeaderField: "x-llmgateway-request-id"),
            retryAfter: http?.value(forHTTPHeaderField: "retry-after"))
    }
}
