internal import Catalogue
internal import Dialects
internal import Hummingbird
internal import Ledger
internal import Web

/// `GET /v1/models`: what the catalogue offers now; `GET /v1/models/{id}`: one model of it.
struct ModelsRoute: Sendable {
    let catalogue: LiveCatalogue

    func add(to router: Router<GatewayRequestContext>) {
        router.get("/v1/models") { request, _ in
            let excludesDeprecated = try flag("exclude_deprecated", of: request)
            let includesDeactivated = try flag("include_deactivated", of: request)
            return answer(
                catalogue.current.listing(
                    at: Timestamp.now.microseconds, excludeDeprecated: excludesDeprecated,
                    includeDeactivated: includesDeactivated))
        }
        // A name may hold slashes, which some clients send as they are and others encode.
        router.get("/v1/models/**") { request, context in
            let name = PercentEncoding.decode(context.parameters.getCatchAll().joined(separator: "/"))
            return answer(try model(name, includesDeactivated: flag("include_deactivated", of: request)))
        }
    }

    private func model(_ name: String, includesDeactivated: Bool) throws(GatewayError) -> [UInt8] {
        do {
            return try catalogue.current.listing(
                of: name, at: Timestamp.now.microseconds, includeDeactivated: includesDeactivated)
        } catch {
            throw GatewayError(
                APIError(
                    status: 404, message: "\(error.message).", param: "model", code: "model_not_found",
                    type: "invalid_request_error"))
        }
    }

    private func answer(_ body: [UInt8]) -> Response {
        Response(status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    private func flag(_ name: String, of request: Request) throws(GatewayError) -> Bool {
        switch request.uri.queryParameters[Substring(name)] {
        case nil, "false": false
        case "true": true
        default: throw GatewayError.invalid("\(name) must be true or false.", param: name)
        }
    }
}
