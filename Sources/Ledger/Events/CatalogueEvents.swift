/// `catalogue.price_changed`: what a model costs at a provider is something else from now on.
public struct CataloguePriceChanged: EventData, Hashable {
    public static let type = "catalogue.price_changed"
    /// The catalogue's id of the model.
    public var model: String
    public var provider: String
    /// What the provider calls it.
    public var upstreamModel: String
    /// The catalogue that says so; outcomes that are charged by it name it too.
    public var catalogueVersion: String
    /// The fields as a catalogue file calls them, `prices.input` for example, with US dollars as text.
    public var prices: [String: String]
    /// The same before.
    public var previous: [String: String]

    public init(
        model: String, provider: String, upstreamModel: String, catalogueVersion: String, prices: [String: String],
        previous: [String: String]
    ) {
        self.model = model
        self.provider = provider
        self.upstreamModel = upstreamModel
        self.catalogueVersion = catalogueVersion
        self.prices = prices
        self.previous = previous
    }

    enum CodingKeys: String, CodingKey {
        case model, provider, prices, previous
        case upstreamModel = "upstream_model"
        case catalogueVersion = "catalogue_version"
    }

    /// The stream of this model's prices at this provider.
    public var stream: StreamName {
        StreamName(kind: .catalogue, id: EventID(foreign: "catalogue", "\(provider)/\(model)/\(upstreamModel)").uuid)
    }
}
