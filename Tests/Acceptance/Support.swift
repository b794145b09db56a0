import Foundation
import Money
import TestSupport

/// An outcome as `ledger events --json` prints it, as far as these tests look.
struct RecordedOutcome: Decodable {
    struct Usage: Decodable, Hashable {
        let promptTokens: Int, completionTokens: Int
    }

    struct Bodies: Decodable {
        let prompt: String?, completion: String?
    }

    struct Fields: Decodable {
        /// Nano-dollars.
        let charged: Int, held: Int
        let estimated: Bool
        let usage: Usage
        /// Digests in hexadecimal.
        let bodies: Bodies?
    }

    struct Metadata: Decodable {
        let clientRequestID: String?

        enum CodingKeys: String, CodingKey { case clientRequestID = "clientRequestId" }
    }

    let stream: String
    let data: Fields
    let metadata: Metadata
}

struct RecordedBalance: Decodable {
    let credited: String, charged: String, balance: String, position: Int64
}

extension GatewayProcess {
    func balance(_ organization: String) async throws -> RecordedBalance {
        try JSONDecoder().decode(
            RecordedBalance.self, from: Data(try await command("balance", "--organization", organization, "--json").utf8))
    }

    /// What was charged in all, in nano-dollars.
    func charged(_ organization: String) async throws -> Int {
        Int(try NanoDollars(decimal: try await balance(organization).charged).rawValue)
    }

    /// The outcomes of a type, oldest first; waits until there are `count`.
    func outcomes(
        _ type: String, count: Int = 0, clientRequestID: String? = nil, stream: String? = nil
    ) async throws -> [RecordedOutcome] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        var outcomes: [RecordedOutcome] = []
        // The long limit only bounds a test that fails.
        let limit = ContinuousClock.now + .seconds(30)
        repeat {
            var arguments = ["ledger", "events", "--type", type, "--limit", "10000", "--json"]
            if let clientRequestID { arguments += ["--client-request-id", clientRequestID] }
            if let stream { arguments += ["--stream", stream] }
            outcomes = try await command(arguments)
                .split(separator: "\n").map { try decoder.decode(RecordedOutcome.self, from: Data($0.utf8)) }
        } while outcomes.count < count && ContinuousClock.now < limit
        guard outcomes.count >= count else {
            throw ChildProcess.Failure(description: "\(outcomes.count) of \(count) \(type): \(log.suffix(2000))")
        }
        return outcomes
    }
}

/// Runs `body` with a gateway whose provider `mock` is the shared mock.
func withMock(_ body: (GatewayProcess, MockProvider) async throws -> Void) async throws {
    let mock = try await MockProvider()
    do {
        try await withGateway(environment: mockEnvironment(mock.baseURL)) { gateway in try await body(gateway, mock) }
    } catch {
        await mock.tearDown()
        throw error
    }
    await mock.tearDown()
}

/// Runs `body` with a gateway whose provider `mock` is at a port on which the scenario itself will listen.
func withProviderPort(_ body: (GatewayProcess, Int) async throws -> Void) async throws {
    let port = try freePort()
    try await withGateway(environment: mockEnvironment("http://127.0.0.1:\(port)/v1")) { gateway in
        try await body(gateway, port)
    }
}

private func mockEnvironment(_ baseURL: String) -> [String: String] {
    [
        "LLM_MOCK_API_KEY": "test", "LLM_MOCK_BASE_URL": baseURL,
        "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/mock_catalogue.json",
    ]
}
