internal import Admission
internal import Catalogue
internal import Dialects
internal import Ledger
internal import Money

/// A request whose key is known and whose body was read as far as routing and pricing need it.
///
/// A class because every later step carries it along, and copying so many fields each time costs more than the step.
final class UnderstoodRequest: Sendable {
    let incoming: IncomingRequest
    let address: KeyAddress
    let entered: EnteredRequest
    let scan: ChatRequestScan
    let resolution: Resolution
    /// Where it may go, in the order to try.
    let routes: [Route]
    /// Of the catalogue that the request began with, whose prices it is charged at.
    let catalogueVersion: String
    /// What routing is to care about.
    let preferences: RoutingPreferences
    /// How the routes came into their order; nil while they are as the catalogue has them.
    let decision: RoutingDecision?
    /// The same request at other models, where it names none and this one may not be used.
    let others: [UnderstoodRequest]
    /// The same request at other providers, where the one that it asks for has failed too often of late.
    let elsewhere: UnderstoodRequest?

    var requestedModel: String { resolution.requested }
    var model: Model { resolution.model }
    /// The chat completion request, which is the client's own body or a translation of it.
    var body: [UInt8] { entered.chat }
    var isStreamed: Bool { scan.stream }
    /// The client's own bound on a completion.
    var outputLimit: Int64? { scan.outputLimit }
    /// The images that are given, each of which may have its price; what masks one is none.
    var images: Int64 { entered.edit?.count ?? scan.images }
    /// Completion tokens of answers of ordinary length, as far as the client lets them come to it.
    private var likelyCompletion: Int64 {
        guard entered.entrance.kind == .chat else { return 0 }
        return min(outputLimit ?? .max, AdmitStep.smallestOutputBound) * scan.choices
    }
    /// The tokens over which what a request costs beside them is spread where prices are compared.
    var likelyTokens: Int64 { scan.estimatedPromptTokens + likelyCompletion }
    /// What it is likely to come to where that is least, in millionths of a pico-dollar.
    var likelyPrice: Int128 {
        let (prompt, completion, given) = (scan.estimatedPromptTokens, likelyCompletion, images)
        let prices = routes.map {
            $0.mapping.prices.likely(promptTokens: prompt, completionTokens: completion, images: given)
        }
        return prices.min() ?? 0
    }

    init(
        incoming: IncomingRequest, address: KeyAddress, entered: EnteredRequest, scan: ChatRequestScan,
        resolution: Resolution, routes: [Route], catalogueVersion: String, preferences: RoutingPreferences,
        decision: RoutingDecision? = nil, others: [UnderstoodRequest] = [], elsewhere: UnderstoodRequest? = nil
    ) {
        self.others = others
        self.elsewhere = elsewhere
        self.incoming = incoming
        self.address = address
        self.entered = entered
        self.scan = scan
        self.resolution = resolution
        self.routes = routes
        self.catalogueVersion = catalogueVersion
        self.preferences = preferences
        self.decision = decision
    }

    /// The same request with the models that it may be sent to where this one may not be used.
    func followed(by others: [UnderstoodRequest]) -> UnderstoodRequest {
        guard !others.isEmpty else { return self }
        return UnderstoodRequest(
            incoming: incoming, address: address, entered: entered, scan: scan, resolution: resolution, routes: routes,
            catalogueVersion: catalogueVersion, preferences: preferences, others: others)
    }

    /// The same request with other routes, mostly fewer.
    func narrowed(to routes: [Route], by decision: RoutingDecision? = nil) -> UnderstoodRequest {
        UnderstoodRequest(
            incoming: incoming, address: address, entered: entered, scan: scan, resolution: resolution, routes: routes,
            catalogueVersion: catalogueVersion, preferences: preferences, decision: decision ?? self.decision,
            elsewhere: elsewhere)
    }
}

/// Scans the body once, finds the model, and orders the routes.
struct UnderstandStep: Sendable {
    let gateway: Gateway

    /// - Throws: 400 naming the field, 410 for a model that was switched off.
    func understand(
        _ incoming: IncomingRequest, address: KeyAddress, entered: EnteredRequest
    ) async throws(GatewayError) -> UnderstoodRequest {
        let scan: ChatRequestScan
        let kind = entered.entrance.kind
        do {
            if let edit = entered.edit {
                scan = try ChatRequestScan(edit)
            } else {
                scan = try ChatRequestScan(entered.chat, of: kind)
            }
        } catch {
            throw GatewayError(error)
        }
        let catalogue = gateway.catalogue.current
        let preferences = try RoutingPreferences(incoming, scan)
        func understood(
            _ resolution: Resolution, custom: Provider? = nil, elsewhere: UnderstoodRequest? = nil
        ) throws(GatewayError) -> UnderstoodRequest {
            UnderstoodRequest(
                incoming: incoming, address: address, entered: entered, scan: scan, resolution: resolution,
                routes: try routes(resolution, of: catalogue, scan: scan, entered: entered, custom: custom),
                catalogueVersion: catalogue.version, preferences: preferences, elsewhere: elsewhere)
        }
        if scan.model == Catalogue.automatic, kind == .chat {
            let choices = try AutomaticModel(scan).choices(of: catalogue, at: incoming.occurredAt.microseconds)
            // What a provider's dialect can't express leaves the others.
            let fitting = choices.compactMap { try? understood($0) }
            guard let first = fitting.first else { return try understood(choices[0]) }
            return first.followed(by: Array(fitting.dropFirst()))
        }
        guard !scan.freeModelsOnly, !scan.noReasoning else { throw AutomaticModel.unused(scan) }
        let resolution: Resolution
        var custom: Provider?
        do {
            resolution = try catalogue.resolve(scan.model, at: incoming.occurredAt.microseconds)
        } catch {
            guard error.code == .unknownProvider,
                let named = try await gateway.policies.customProvider(of: scan.model, for: address.organization)
            else {
                throw GatewayError(
                    APIError(
                        status: error.status, message: "\(error.message).", param: "model",
                        code: error.code == .deactivated ? "model_deactivated" : "model_not_found"))
            }
            (resolution, custom) = named
        }
        // What a custom provider's model is for, only the organization knows; and some models draw beside what they say.
        let draws = kind == .image && resolution.model.mappings.contains { $0.capabilities.imageOutput }
        guard resolution.model.kind == kind || custom != nil || draws else {
            throw GatewayError(
                APIError(
                    status: 400, message: "The model \"\(scan.model)\" is asked at \(resolution.model.kind.path).",
                    param: "model",
                    code: "model_not_supported"))
        }
        var elsewhere: UnderstoodRequest?
        if !preferences.isAlone, let others = resolution.anywhereElse, resolution.mappings.allSatisfy(isFailing) {
            // What another provider can't express leaves the one that was asked for.
            elsewhere = try? understood(others)
        }
        return try understood(resolution, custom: custom, elsewhere: elsewhere)
    }

    private func isFailing(_ mapping: Mapping) -> Bool {
        let name = MappingName(provider: mapping.provider, model: mapping.upstreamName)
        return gateway.health.statistics(of: name).uptime.map { $0 < RankStep.lowestUptime } ?? false
    }

    /// The mappings that can serve the request, cheapest first; of equal price in the catalogue's order. Whose accounts may be
    /// used there is for a later step.
    private func routes(
        _ resolution: Resolution, of catalogue: Catalogue, scan: ChatRequestScan, entered: EnteredRequest, custom: Provider?
    ) throws(GatewayError) -> [Route] {
        var refusal: APIError?
        // Written once for all mappings that need it.
        var written: FunctionChat?
        var routes: [(route: Route, price: Int64)] = []
        for mapping in resolution.mappings {
            guard let provider = custom ?? catalogue.provider(mapping.provider) else { continue }
            do throws(APIError) {
                let isOfKind = resolution.model.kind == entered.entrance.kind || custom != nil
                guard isOfKind || mapping.capabilities.imageOutput else {
                    throw .invalid("model", "The model \(mapping.model) makes no images at \(mapping.provider).")
                }
                let (edits, can) = (entered.edit != nil, mapping.capabilities)
                guard edits ? can.vision : !can.imageRequired else {
                    let what = edits ? "edits no images" : "makes images of images alone, at /v1/images/edits,"
                    throw .invalid("model", "The model \(mapping.model) \(what) at \(mapping.provider).")
                }
                try scan.check(mapping)
                let isRewritten = scan.hasCustomTools && !provider.dialect.takesCustomTools(mapping)
                if isRewritten, written == nil { written = try FunctionChat(entered.chat) }
                let functions = isRewritten ? written : nil
                let foreign = try provider.dialect.request(entered, functions: functions, scan: scan, mapping: mapping)
                let promptTokens = min(
                    (functions?.scan ?? scan).promptBound(for: mapping) + (foreign?.addedPromptTokens ?? 0),
                    scan.longestPrompt(for: mapping))
                let price = mapping.prices.ofTwoTokens(promptTokens: promptTokens)
                let route = Route(
                    mapping: mapping, provider: provider, promptTokens: promptTokens, foreign: foreign, functions: functions)
                routes.append((route, price))
            } catch {
                // What a provider lacks at which requests can be sent matters more than what another lacks.
                if refusal == nil || provider.isUsable { refusal = error }
            }
        }
        if routes.isEmpty, let refusal { throw GatewayError(entered.entrance.named(refusal)) }
        // A stable order: Swift's sort keeps equal elements in place.
        return routes.sorted { $0.price < $1.price }.map(\.route)
    }
}
