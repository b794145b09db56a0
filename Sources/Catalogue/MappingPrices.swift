/// What a model costs at a provider: the fields of a catalogue file, with US dollars as text.
public struct MappingPrices: Sendable, Hashable {
    /// The model's id.
    public let model: String
    public let provider: String
    /// What the provider calls it.
    public let upstreamModel: String
    /// `prices.input`, `costs.output` and so on; a field that has no value is left out.
    public let fields: [String: String]
}

extension Catalogue {
    /// The prices of all mappings.
    public var mappingPrices: [MappingPrices] {
        models.flatMap(\.mappings).map { mapping in
            let fields = Self.fields(of: mapping.prices, "prices") + Self.fields(of: mapping.costs, "costs")
            return MappingPrices(
                model: mapping.model, provider: mapping.provider, upstreamModel: mapping.upstreamName,
                fields: fields.reduce(into: [:]) { known, field in
                    if let value = field.value { known[field.name] = value }
                })
        }
    }
}
