internal import Catalogue
internal import Dialects

/// Which models a request may mean that asks for `auto`.
struct AutomaticModel {
    private let scan: ChatRequestScan

    init(_ scan: ChatRequestScan) { self.scan = scan }

    /// The models that have room for the request and can do what it asks for, cheapest first; at least one.
    ///
    /// - Throws: 400 when there is none.
    func choices(of catalogue: Catalogue, at time: Int64) throws(GatewayError) -> [Resolution] {
        let choices = catalogue.automaticModels(free: scan.freeModelsOnly, at: time) { mapping in
            guard scan.fits(mapping), !(scan.noReasoning && mapping.capabilities.reasoning) else { return false }
            return (try? scan.check(mapping)) != nil
        }
        guard choices.isEmpty else { return choices }
        let field = scan.freeModelsOnly ? "free_models_only" : scan.noReasoning ? "no_reasoning" : "model"
        throw GatewayError(
            APIError(
                status: 400, message: "No model that \"auto\" may mean has room for this request and can do what it asks for.",
                param: field, code: "model_not_found"))
    }

    /// Why a request that names its model may not say what `auto` may mean.
    static func unused(_ scan: ChatRequestScan) -> GatewayError {
        let name = scan.freeModelsOnly ? "free_models_only" : "no_reasoning"
        return GatewayError.invalid("\"\(name)\" is for the model \"auto\" alone.", param: name)
    }
}
