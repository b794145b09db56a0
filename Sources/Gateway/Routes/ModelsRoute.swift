internal import Catalogue
internal import Dialects
internal import Hummingbird
internal import Ledger

/// `GET /v1/models`: what the catalogue offers now.
struct ModelsRoute: Sendable {
    let catalogue: LiveCatalogue

    func add(to router: Router<GatewayRequestContext>) {
        router.get("/v1/models") { request, _ in
            let excludesDeprecated = try flag("exclude_deprecated", of: request)
            let includesDeactivated = try flag("include_deactivated", of: request)
            let body = catalogue.current.listing(
                at: Timestamp.now.microseconds, excludeDeprecated: excludesDeprecated, includeDeactivated: includesDeactivated)
            return Response(
                status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: body)))
        }
    }

    private func flag(_ name: String, of request: Request) throws(GatewayError) -> Bool {
        switch request.uri.queryParameters[Substring(name)] {
        case nil, "false": false
        case "true": true
        default: throw GatewayError.invalid("\(name) must be true or false.", param: name)
        }
    }
}
