extension Catalogue {
    /// The name that means whichever of some models is cheapest for a request; no model can have it.
    public static let automatic = "auto"

    /// What ``automatic`` may mean, cheapest first by what a prompt token and a completion token cost together: the models of the
    /// catalogue that say `auto`, each with its mappings that `fits` accepts. Free models are meant only where free ones are
    /// asked for, and mappings that are deprecated at `time` (microseconds since 1970 UTC) never.
    public func automaticModels(
        free: Bool, at time: Int64, where fits: (Mapping) -> Bool
    ) -> [Resolution] {
        var choices: [(resolution: Resolution, price: Int64)] = []
        for model in models where model.isAutomatic {
            let mappings = model.mappings.filter {
                $0.isFree == free && $0.isActive(at: time) && !$0.isDeprecated(at: time) && fits($0)
            }
            guard let price = mappings.map({ $0.prices.ofTwoTokens(promptTokens: 1) }).min() else { continue }
            let resolution = Resolution(
                requested: Self.automatic, requestedProvider: nil, model: model, mappings: mappings)
            choices.append((resolution, price))
        }
        return choices.sorted { $0.price < $1.price }.map(\.resolution)
    }
}
