internal import Catalogue
internal import Credentials
internal import Dialects
internal import HTTPTransport
internal import JSON
internal import Web

/// Tries a credential by the smallest call that needs one: ten tokens of the cheapest model, or the list of models where none is
/// known.
struct ProviderProbe: Sendable {
    let transport: HTTPTransport
    let allowsPrivateURLs: Bool

    private static let deadlines = HTTPTransportRequest.Deadlines(
        connect: .seconds(5), firstByte: .seconds(20), idle: .seconds(10), total: .seconds(25))

    /// - Throws: 400 naming `token` when the provider refuses it, and `baseUrl` when there is no such provider.
    func check(_ trial: ProviderKeyTrial) async throws(WebError) {
        let status: Int
        do {
            let (request, foreign) = try request(trial)
            let response = try await transport.execute(request)
            if let foreign, response.status >= 400 {
                // Not every dialect says by the status alone that it does not know a key: Google answers 400.
                let body = (try? await response.collect(upTo: 64 * 1024)) ?? []
                status = foreign.answer(id: "", created: 0).refusal(status: response.status, body: body).status
            } else {
                status = response.status
            }
            response.cancel()
        } catch let error as HTTPTransportError {
            throw refusal(error, trial)
        } catch {
            throw WebError(500, "The key could not be checked.")
        }
        switch status {
        case 401, 403:
            throw WebError(400, "The provider refuses this key.", field: "token", code: "invalid_provider_key")
        case 300..<400:
            throw WebError(
                400, "The provider sends requests elsewhere (status \(status)): give the URL where they end.", field: "baseUrl",
                code: "provider_redirects")
        case 500...:
            throw WebError(
                400, "The provider answered with status \(status), so the key could not be checked; try again later.",
                code: "provider_unavailable")
        // Whatever else is wrong with such a call (a model that the account lacks, a rate), the credential was let through.
        default: break
        }
    }

    /// The same call as the gateway would make, in the provider's dialect, and who reads the answer where that is not OpenAI's.
    private func request(
        _ trial: ProviderKeyTrial
    ) throws(APIError) -> (HTTPTransportRequest, (any ForeignRequest)?) {
        let bearer = [("authorization", "Bearer \(trial.credential.secret)")]
        guard let mapping = trial.mapping, let provider = trial.provider else {
            return (request(trial, "GET", "/models", headers: bearer, body: nil), nil)
        }
        let chat = Self.chat(mapping)
        guard let foreign = try provider.dialect.request(chat: chat, scan: try ChatRequestScan(chat), mapping: mapping) else {
            return (request(trial, "POST", "/chat/completions", headers: bearer, body: chat), nil)
        }
        let request = request(
            trial, "POST", foreign.path(model: mapping.upstreamName),
            headers: foreign.headers(apiKey: trial.credential.secret),
            body: try foreign.body(model: mapping.upstreamName, maximumTokens: Self.tokens))
        return (request, foreign)
    }

    private func request(
        _ trial: ProviderKeyTrial, _ method: String, _ path: String, headers: [(String, String)], body: [UInt8]?
    ) -> HTTPTransportRequest {
        HTTPTransportRequest(
            method: method, url: trial.baseURL + path,
            headers: headers + [("accept", "application/json")]
                + (body == nil ? [] : [("content-type", "application/json")]),
            body: body.map { .bytes($0) } ?? .none, deadlines: Self.deadlines,
            allowPrivateAddresses: !trial.isOwnURL || allowsPrivateURLs)
    }

    private static let tokens: Int64 = 10

    private static func chat(_ mapping: Mapping) -> [UInt8] {
        func message(_ role: String, _ text: String) -> JSONValue {
            .members([("role", .string(role)), ("content", .string(text))])
        }
        return JSONValue.members([
            ("model", .string(mapping.upstreamName)),
            ("messages", .array([message("system", "You are a helpful assistant."), message("user", "Hello")])),
            (mapping.outputLimitField.rawValue, .integer(tokens)),
        ]).bytes
    }

    private func refusal(_ error: HTTPTransportError, _ trial: ProviderKeyTrial) -> WebError {
        let field = trial.isOwnURL ? "baseUrl" : nil
        return switch error.code {
        case .addressRefused:
            WebError(400, "baseUrl must lead to a public address.", field: field, code: "private_address")
        case .invalidRequest: WebError(400, "baseUrl can't be used: \(error.message).", field: field, code: "invalid_url")
        default:
            WebError(
                400, "The provider could not be reached, so the key could not be checked.", field: field,
                code: "provider_unreachable")
        }
    }
}
