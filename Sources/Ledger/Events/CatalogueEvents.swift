/// `catalogue.priced`: what models cost at providers of which the ledger had no price yet. What that is later is a
/// ``CataloguePriceChanged``.
public struct CataloguePriced: EventData, Hashable {
    public static let type = "catalogue.priced"
    /// The catalogue that says so.
    public var catalogueVersion: String
    public var mappings: [Mapping]

    /// What a model costs at a provider.
    public struct Mapping: Codable, Sendable, Hashable {
        /// The catalogue's id of the model.
        public var model: String
        public var provider: String
        /// What the provider calls it.
        public var upstreamModel: String
        /// The fields as a catalogue file calls them, `prices.input` for example, with US dollars as text.
        public var prices: [String: String]

        public init(model: String, provider: String, upstreamModel: String, prices: [String: String]) {
            self.model = model
            self.provider = provider
            self.upstreamModel = upstreamModel
            self.prices = prices
        }

        enum CodingKeys: String, CodingKey {
            case model, provider, prices
            case upstreamModel = "upstream_model"
        }

        /// The stream of what changes in its prices.
        public var changes: StreamName {
            StreamName(kind: .catalogue, id: EventID(foreign: "catalogue", "\(provider)/\(model)/\(upstreamModel)").uuid)
        }

        /// No fewer bytes than it has as JSON, in which names may be escaped.
        fileprivate var mostBytes: Int {
            let names = model.utf8.count + provider.utf8.count + upstreamModel.utf8.count
            return 128 + 2 * names + prices.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 8 }
        }
    }

    public init(catalogueVersion: String, mappings: [Mapping]) {
        self.catalogueVersion = catalogueVersion
        self.mappings = mappings
    }

    /// As many events as it takes to say all of `mappings`, each with room to spare.
    public static func events(catalogueVersion: String, mappings: [Mapping]) -> [CataloguePriced] {
        var events: [CataloguePriced] = []
        var bytes = 0
        for mapping in mappings {
            if events.isEmpty || bytes + mapping.mostBytes > NewEvent.maximumBytes / 2 {
                events.append(CataloguePriced(catalogueVersion: catalogueVersion, mappings: []))
                bytes = 0
            }
            bytes += mapping.mostBytes
            events[events.count - 1].mappings.append(mapping)
        }
        return events
    }

    enum CodingKeys: String, CodingKey {
        case mappings
        case catalogueVersion = "catalogue_version"
    }

    /// The stream of all of them.
    public static let stream = StreamName(kind: .catalogue, id: EventID(foreign: "catalogue", "priced").uuid)
}

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

    /// - Parameters:
    ///   - mapping: With the prices that hold from now on.
    ///   - previous: The prices before.
    public init(_ mapping: CataloguePriced.Mapping, catalogueVersion: String, previous: [String: String]) {
        self.init(
            model: mapping.model, provider: mapping.provider, upstreamModel: mapping.upstreamModel,
            catalogueVersion: catalogueVersion, prices: mapping.prices, previous: previous)
    }

    enum CodingKeys: String, CodingKey {
        case model, provider, prices, previous
        case upstreamModel = "upstream_model"
        case catalogueVersion = "catalogue_version"
    }

    /// The stream of this model's prices at this provider.
    public var stream: StreamName {
        CataloguePriced.Mapping(model: model, provider: provider, upstreamModel: upstreamModel, prices: prices).changes
    }
}
