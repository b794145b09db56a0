internal import Catalogue
internal import Credentials
internal import Dialects
internal import HTTPTransport
internal import JSON
internal import Ledger
internal import Web

/// Tries a credential by the smallest call that needs one: ten tokens of the cheapest model, or the list of models where none is
/// known.
struct ProviderProbe: Sendable {
    let transport: HTTPTransport
    let allowsPrivateURLs: Bool
    private let accessTokens: AccessTokens

    init(transport: HTTPTransport, allowsPrivateURLs: Bool) {
        self.transport = transport
        self.allowsPrivateURLs = allowsPrivateURLs
        accessTokens = AccessTokens(transport: transport)
    }

    private static let deadlines = HTTPTransportRequest.Deadlines(
        connect: .seconds(5), firstByte: .seconds(20), idle: .seconds(10), total: .seconds(25))

    /// - Throws: 400 naming `token` when the provider refuses it, and `baseUrl` when there is no such provider.
    func check(_ trial: ProviderKeyTrial) async throws(WebError) {
        let status: Int
        do {
            let (request, foreign) = try request(trial, at: try await account(of: trial))
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
        } catch let error as WebError {
            throw error
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

    private func account(of trial: ProviderKeyTrial) async throws(WebError) -> Provider.Account {
        let account = Provider.Account(
            baseURL: trial.baseURL, apiKey: trial.credential.secret, options: trial.options)
        guard account.isServiceAccount else { return account }
        do {
            let token = try await accessTokens.token(of: account.apiKey, isTrusted: allowsPrivateURLs)
            return account.opened(by: token.value, project: token.project)
        } catch {
            throw WebError(
                400, error.description, field: "token",
                code: error.isRefused ? "invalid_provider_key" : "provider_unreachable")
        }
    }

    /// The same call as the gateway would make, in the provider's dialect, and who reads the answer where that is not OpenAI's.
    private func request(
        _ trial: ProviderKeyTrial, at account: Provider.Account
    ) throws(APIError) -> (HTTPTransportRequest, (any ForeignRequest)?) {
        guard let mapping = trial.mapping, let provider = trial.provider else {
            let bearer = [("authorization", "Bearer \(account.apiKey)")]
            return (request(trial, "GET", account.baseURL + "/models", headers: bearer, body: nil), nil)
        }
        let chat = Self.chat(mapping, model: mapping.upstreamName)
        guard let foreign = try provider.dialect.request(chat: chat, scan: try ChatRequestScan(chat), mapping: mapping) else {
            let model = trial.validationModel ?? mapping.upstreamName
            let call = ChatCall(provider.dialect, model: model, at: account)
            return (request(trial, "POST", call.url, headers: call.headers, body: Self.chat(mapping, model: model)), nil)
        }
        let body = try foreign.body(model: mapping.upstreamName, maximumTokens: Self.tokens)
        let url = account.baseURL + foreign.path(model: mapping.upstreamName, at: account)
        let call = ProviderCall(
            account: account, url: url, body: body, time: Timestamp.now.microseconds / 1_000_000)
        return (request(trial, "POST", url, headers: foreign.headers(of: call), body: body), foreign)
    }

    private func request(
        _ trial: ProviderKeyTrial, _ method: String, _ url: String, headers: [(String, String)], body: [UInt8]?
    ) -> HTTPTransportRequest {
        HTTPTransportRequest(
            method: method, url: url,
            headers: headers + [("accept", "application/json")]
                + (body == nil ? [] : [("content-type", "application/json")]),
            body: body.map { .bytes($0) } ?? .none, deadlines: Self.deadlines,
            allowPrivateAddresses: !trial.isOwnURL || allowsPrivateURLs)
    }

    private static let tokens: Int64 = 10

    private static func chat(_ mapping: Mapping, model: String) -> [UInt8] {
        func message(_ role: String, _ text: String) -> JSONValue {
            .members([("role", .string(role)), ("content", .string(text))])
        }
        return JSONValue.members([
            ("model", .string(model)),
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
