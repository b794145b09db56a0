internal import JSON
internal import Money

/// Makes a catalogue file of LiteLLM's list of models and prices.
///
/// Of mappings that the catalogue has, the prices alone are taken over, where they differ; models that it does not have at a
/// provider that it has are added. What the file names it names whole, because it takes the place of what was there.
public struct LiteLLMImport {
    /// The catalogue file, a mapping a line.
    public private(set) var file: [UInt8] = []
    /// Mappings whose prices changed.
    public private(set) var changed = 0
    /// Mappings that are new.
    public private(set) var added = 0
    /// How many entries were passed over, by the reason.
    public private(set) var passedOver: [(reason: String, count: Int)] = []

    private var models: [JSONValue] = []
    private var positions: [String: Int] = [:]
    private var touched: Set<Int> = []
    private var places: [Place: (model: Int, mapping: Int)] = [:]

    private struct Place: Hashable {
        let provider: String
        let name: String
    }

    /// - Parameters:
    ///   - bytes: LiteLLM's `model_prices_and_context_window.json`.
    ///   - path: What it is called in errors.
    ///   - files: The files of the catalogue, the later ones winning.
    ///   - providers: Only of these providers; all where it is empty.
    ///   - adds: Whether models are added.
    /// - Throws: for a list or a catalogue that can't be read.
    public init(
        _ bytes: [UInt8], path: String, into files: [String], providers: Set<String>, adds: Bool
    ) throws(CatalogueError) {
        var merged = CatalogueFile()
        for path in files { merged.merge(try CatalogueFile(path: path, bytes: try CatalogueFile.read(path))) }
        for entry in merged.models {
            positions[entry.value.id] = models.count
            for (index, mapping) in entry.value.mappings.enumerated() {
                places[Place(provider: mapping.provider, name: mapping.upstreamName)] = (models.count, index)
            }
            models.append(entry.source)
        }
        let known = Set(merged.providers.map(\.value.id))
        if let unknown = providers.subtracting(known).min() {
            throw CatalogueError(file: path, "can't be taken over for \"\(unknown)\": there is no such provider")
        }
        let list: JSONValue
        do { list = try JSONValue(bytes) } catch { throw CatalogueError(file: path, "is not JSON: \(error)") }
        guard let entries = list.fields else { throw CatalogueError(file: path, "is no object of models") }
        var refusals: [LiteLLMEntry.Refusal: Int] = [:]
        for field in entries where field.name != "sample_spec" {
            do throws(LiteLLMEntry.Refusal) {
                let entry = try LiteLLMEntry(
                    name: field.name, field.value, known: providers.isEmpty ? known : providers)
                try take(entry, adds: adds)
            } catch {
                refusals[error, default: 0] += 1
            }
        }
        passedOver = LiteLLMEntry.Refusal.allCases.compactMap { reason in
            refusals[reason].map { (reason.rawValue, $0) }
        }
        file = Self.text(touched.sorted().map { models[$0] })
        // What comes of it must hold by itself.
        _ = try CatalogueFile(path: path, bytes: file)
    }

    private mutating func take(_ entry: LiteLLMEntry, adds: Bool) throws(LiteLLMEntry.Refusal) {
        guard let place = places[Place(provider: entry.provider, name: entry.upstreamName)] else {
            if adds { try add(entry) }
            return
        }
        var mappings = models[place.model]["mappings"]?.elements ?? []
        let old = mappings[place.mapping]
        guard try Self.differs(old, entry.prices) else { return }
        mappings[place.mapping] = old.setting("prices", entry.prices)
        models[place.model] = models[place.model].setting("mappings", .array(mappings))
        touched.insert(place.model)
        changed += 1
    }

    private static func differs(_ mapping: JSONValue, _ prices: JSONValue) throws(LiteLLMEntry.Refusal) -> Bool {
        do {
            let new = try Prices(FieldReader(prices, file: "", entry: ""))
            guard let old = mapping["prices"] else { return true }
            let held = try Prices(FieldReader(old, file: "", entry: ""))
            // A discount, a price of an image, taken or drawn, and one of a request are the house's own, and the list does not
            // know them.
            return held.tiers != new.tiers && held.multiplier == .one && held.image == .zero && held.request == .zero
                && held.generatedImage == .zero && held.tiers.allSatisfy { $0.imageOutput == nil && $0.imageInput == nil }
        } catch {
            throw .unfit
        }
    }

    private mutating func add(_ entry: LiteLLMEntry) throws(LiteLLMEntry.Refusal) {
        let mapping = try entry.mapping()
        let id = (entry.upstreamName.split(separator: "/").last.map(String.init) ?? entry.upstreamName).lowercased()
        do { _ = try Mapping(FieldReader(mapping, file: "", entry: ""), model: id) } catch { throw .unfit }
        let position: Int
        if let there = positions[id] {
            position = there
            let mappings = (models[position]["mappings"]?.elements ?? []) + [mapping]
            guard !mappings.dropLast().contains(where: { $0["provider"] == mapping["provider"] }) else { throw .unfit }
            models[position] = models[position].setting("mappings", .array(mappings))
        } else {
            position = models.count
            let family = entry.upstreamName.split(separator: "/").first.map(String.init) ?? entry.provider
            models.append(
                .members([
                    ("id", .string(id)), ("name", .string(id)),
                    ("family", .string(family == entry.upstreamName ? entry.provider : family)), ("mappings", .array([mapping])),
                ]))
            positions[id] = position
        }
        let count = models[position]["mappings"]?.elements?.count ?? 1
        places[Place(provider: entry.provider, name: entry.upstreamName)] = (position, count - 1)
        touched.insert(position)
        added += 1
    }

    private static func text(_ models: [JSONValue]) -> [UInt8] {
        let lines = models.map { model in
            let head = JSONValue.object((model.fields ?? []).filter { $0.name != "mappings" }).bytes.dropLast()
            let mappings = (model["mappings"]?.elements ?? []).map { Array("      ".utf8) + $0.bytes }
            return Array("    ".utf8) + head + Array(",\"mappings\":[\n".utf8) + mappings.joined(separator: Array(",\n".utf8))
                + Array("\n    ]}".utf8)
        }
        return Array("{\n  \"models\": [\n".utf8) + lines.joined(separator: Array(",\n".utf8)) + Array("\n  ]\n}\n".utf8)
    }
}

extension JSONValue {
    /// The object with another value of a member that it has.
    fileprivate func setting(_ name: String, _ value: JSONValue) -> JSONValue {
        .object((fields ?? []).map { $0.name == name ? .init(name, value) : $0 })
    }
}
