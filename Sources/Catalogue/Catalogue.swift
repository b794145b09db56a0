internal import Crypto
internal import FoundationEssentials
internal import JSON

/// The providers and the models that the gateway knows, merged from files and the environment, checked, and never changed.
public struct Catalogue: Sendable {
    /// The providers, by id ascending.
    public let providers: [Provider]
    /// The models, in the order in which their ids first came.
    public let models: [Model]
    /// A digest (32 hexadecimal digits) of everything in the files and the ids from the environment: equal catalogues have equal
    /// versions wherever they are loaded. Credentials are not part of it.
    public let version: String
    /// What a person should know about the environment, such as a key for a provider that nothing describes.
    public let warnings: [String]

    private let modelIndex: [String: Int]
    private let upstreamIndex: [UpstreamName: [Int]]
    private let providerIndex: [String: Int]

    private struct UpstreamName: Hashable {
        let provider: String
        let name: String
    }

    /// Loads the files in order, a later entry replacing an earlier one of the same id, and the accounts of `environment`.
    ///
    /// Every provider has its credentials in `LLM_<PROVIDER>_API_KEY`, several separated by commas, and may have its URLs in
    /// `LLM_<PROVIDER>_BASE_URL`, matched by position, the last one serving the rest. A provider that no file describes exists
    /// when both variables are set; it speaks OpenAI's format.
    public static func load(files: [String], environment: [String: String]) throws(CatalogueError) -> Catalogue {
        var contents: [(path: String, bytes: [UInt8])] = []
        for path in files { contents.append((path, try CatalogueFile.read(path))) }
        return try load(contents: contents, environment: environment)
    }

    /// The paths to load: the files of `folder`, which come with the gateway, and those of `LLMGATEWAY_CATALOGUE`, separated by
    /// colons.
    public static func paths(folder: String, environment: [String: String]) throws(CatalogueError) -> [String] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw CatalogueError(file: folder, "can't be listed")
        }
        return names.filter { $0.hasSuffix(".json") }.sorted().map { "\(folder)/\($0)" }
            + (environment["LLMGATEWAY_CATALOGUE"] ?? "").split(separator: ":").map(String.init)
    }

    /// Loads contents instead of files; the paths are only named in errors.
    public static func load(
        contents: [(path: String, bytes: [UInt8])], environment: [String: String]
    ) throws(CatalogueError) -> Catalogue {
        var merged = CatalogueFile()
        for (path, bytes) in contents { merged.merge(try CatalogueFile(path: path, bytes: bytes)) }
        let (providers, warnings) = try merged.providers(environment: environment)
        return try Catalogue(merged, providers: providers, warnings: warnings)
    }

    private init(_ merged: CatalogueFile, providers: [Provider], warnings: [String]) throws(CatalogueError) {
        self.providers = providers.sorted { $0.id < $1.id }
        self.warnings = warnings
        models = merged.models.map(\.value)
        var providerIndex: [String: Int] = [:]
        for (index, provider) in self.providers.enumerated() { providerIndex[provider.id] = index }
        var modelIndex: [String: Int] = [:]
        var upstreamIndex: [UpstreamName: [Int]] = [:]
        for (index, model) in models.enumerated() { modelIndex[model.id] = index }
        for (index, entry) in merged.models.enumerated() {
            for name in [entry.value.id] + entry.value.aliases where name == Self.automatic {
                throw entry.error("id", "\"\(name)\" means the cheapest of several models")
            }
            for alias in entry.value.aliases {
                guard modelIndex.updateValue(index, forKey: alias) == nil else {
                    throw entry.error("aliases", "\"\(alias)\" is already the name of a model")
                }
            }
            for (position, mapping) in entry.value.mappings.enumerated() {
                guard let place = providerIndex[mapping.provider] else {
                    throw entry.error("mappings[\(position)].provider", "no provider is called \"\(mapping.provider)\"")
                }
                guard mapping.api.exists(in: self.providers[place].dialect, for: entry.value.kind) else {
                    throw entry.error(
                        "mappings[\(position)].api", "the provider's dialect has no way called \(mapping.api.rawValue)")
                }
                upstreamIndex[.init(provider: mapping.provider, name: mapping.upstreamName), default: []].append(index)
            }
        }
        self.providerIndex = providerIndex
        self.modelIndex = modelIndex
        self.upstreamIndex = upstreamIndex
        version = Self.digest(merged, providers: self.providers)
    }

    /// The provider with this id.
    public func provider(_ id: String) -> Provider? { providerIndex[id].map { providers[$0] } }

    /// The model with this id or alias.
    public func model(_ name: String) -> Model? { modelIndex[name].map { models[$0] } }

    private static func digest(_ merged: CatalogueFile, providers: [Provider]) -> String {
        var hash = SHA256()
        for provider in providers { hash.update(data: Array("\(provider.id) \(provider.dialect.rawValue)\n".utf8)) }
        for entry in merged.models.sorted(by: { $0.value.id < $1.value.id }) {
            hash.update(data: entry.source.bytes)
            hash.update(data: [UInt8(ascii: "\n")])
        }
        return hash.finalize().prefix(16).hexadecimal
    }
}

/// What a name in a request's `model` means.
public struct Resolution: Sendable, Hashable {
    /// The name as the client gave it.
    public let requested: String
    /// The provider that the client asked for by `provider/model`; nil when any will do.
    public let requestedProvider: String?
    /// The model.
    public let model: Model
    /// Where it can be had now, in the order of the catalogue; at least one.
    public let mappings: [Mapping]
    /// Where else it can be had now, if the client asked for a provider.
    public let elsewhere: [Mapping]

    init(requested: String, requestedProvider: String?, model: Model, mappings: [Mapping], elsewhere: [Mapping] = []) {
        self.requested = requested
        self.requestedProvider = requestedProvider
        self.model = model
        self.mappings = mappings
        self.elsewhere = elsewhere
    }

    /// The same model at other providers than the one that was asked for; nil where there is none.
    public var anywhereElse: Resolution? {
        guard !elsewhere.isEmpty else { return nil }
        return Resolution(requested: requested, requestedProvider: requestedProvider, model: model, mappings: elsewhere)
    }
}

extension Catalogue {
    /// What `name` means at `time` (microseconds since 1970 UTC): a model's id or alias, or `provider/model` with a model's id or
    /// alias, or `provider/name` with the provider's own name for it. The whole name is tried first, so an id may hold a slash.
    public func resolve(_ name: String, at time: Int64) throws(ResolutionError) -> Resolution {
        let (provider, model, mappings) = try named(name, at: time)
        let active = mappings.filter { $0.isActive(at: time) }
        guard !active.isEmpty else { throw Self.switchedOff(name) }
        let elsewhere = provider == nil ? [] : model.mappings.filter { $0.provider != provider && $0.isActive(at: time) }
        return Resolution(
            requested: name, requestedProvider: provider, model: model, mappings: active, elsewhere: elsewhere)
    }

    /// The model that `name` means, the provider that it asks for, and where the model can be had under that name, switched off or
    /// not. The time decides only between models that one provider calls the same.
    func named(
        _ name: String, at time: Int64
    ) throws(ResolutionError) -> (provider: String?, model: Model, mappings: [Mapping]) {
        if let model = model(name) { return (nil, model, model.mappings) }
        guard let slash = name.firstIndex(of: "/") else {
            if let hint = models.lazy.flatMap(\.mappings).first(where: { $0.upstreamName == name }) {
                throw ResolutionError(
                    code: .unknownModel, message: "no model is called \"\(name)\"; ask for \"\(hint.provider)/\(name)\"")
            }
            throw ResolutionError(code: .unknownModel, message: "no model is called \"\(name)\"")
        }
        let provider = String(name[..<slash])
        let rest = String(name[name.index(after: slash)...])
        guard providerIndex[provider] != nil else {
            throw ResolutionError(code: .unknownProvider, message: "no provider is called \"\(provider)\"")
        }
        if let model = model(rest) {
            let mappings = model.mappings.filter { $0.provider == provider }
            if !mappings.isEmpty { return (provider, model, mappings) }
        }
        let candidates = (upstreamIndex[.init(provider: provider, name: rest)] ?? []).map { models[$0] }
        let mappings = { (model: Model) in model.mappings.filter { $0.provider == provider && $0.upstreamName == rest } }
        guard
            let model = candidates.first(where: { mappings($0).contains { $0.isActive(at: time) } }) ?? candidates.first
        else {
            throw ResolutionError(code: .unknownModel, message: "\(provider) has no model called \"\(rest)\"")
        }
        return (provider, model, mappings(model))
    }

    static func switchedOff(_ name: String) -> ResolutionError {
        ResolutionError(code: .deactivated, message: "the model \"\(name)\" was switched off")
    }
}
