internal import FoundationEssentials
internal import JSON
internal import Money

/// One catalogue file, or several merged: entries that are right by themselves. What they say about each other (known
/// providers, unique aliases) is checked when all are together.
struct CatalogueFile {
    /// An entry and where it stands.
    struct Entry<Value> {
        let file: String
        let label: String
        let source: JSONValue
        let value: Value

        func error(_ field: String, _ message: String) -> CatalogueError {
            CatalogueError(file: file, entry: label, field: field, message)
        }
    }

    /// A provider as a file describes it, without its accounts.
    struct Description {
        let id: String
        let name: String
        let dialect: Dialect
        /// With the names of options in braces.
        let baseURL: String?
        let environmentName: String
        /// Whether that is what the file says, and not made of the id.
        let namesEnvironment: Bool
        let options: [ProviderOption]
        let priority: Multiplier
        let refusesStreamOptions: Bool
        let returnedMembers: ReturnedMembers
        let reasoningField: ReasoningField
    }

    var providers: [Entry<Description>] = []
    var models: [Entry<Model>] = []

    init() {}

    /// The bytes of a file of at most 64 MiB.
    static func read(_ path: String) throws(CatalogueError) -> [UInt8] {
        do {
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw CatalogueError(file: path, "can't be read")
        }
    }

    init(path: String, bytes: [UInt8]) throws(CatalogueError) {
        let root: JSONValue
        do {
            root = try JSONValue(bytes)
        } catch {
            throw CatalogueError(file: path, "is not JSON: \(error)")
        }
        let file = try FieldReader(root, file: path, entry: "")
        try file.allow(["providers", "models"])
        for (index, value) in try file.list("providers", optional: true).enumerated() {
            let fields = try FieldReader(value, file: path, entry: "provider \(value["id"]?.text ?? "number \(index)")")
            let entry = Entry(file: path, label: fields.entry, source: value, value: try Description(fields))
            guard !providers.contains(where: { $0.value.id == entry.value.id }) else {
                throw entry.error("id", "stands twice in the file")
            }
            providers.append(entry)
        }
        var ids: Set<String> = []
        for (index, value) in try file.list("models", optional: true).enumerated() {
            let fields = try FieldReader(value, file: path, entry: "model \(value["id"]?.text ?? "number \(index)")")
            let entry = Entry(file: path, label: fields.entry, source: value, value: try Model(fields))
            guard ids.insert(entry.value.id).inserted else { throw entry.error("id", "stands twice in the file") }
            models.append(entry)
        }
    }

    /// Takes over the entries of `other`, which win over those of the same id.
    mutating func merge(_ other: CatalogueFile) {
        Self.merge(other.providers, into: &providers, id: \.id)
        Self.merge(other.models, into: &models, id: \.id)
    }

    private static func merge<Value>(_ new: [Entry<Value>], into entries: inout [Entry<Value>], id: (Value) -> String) {
        var positions: [String: Int] = [:]
        for (position, entry) in entries.enumerated() { positions[id(entry.value)] = position }
        for entry in new {
            if let position = positions[id(entry.value)] { entries[position] = entry } else { entries.append(entry) }
        }
    }
}

extension CatalogueFile.Description {
    init(_ fields: FieldReader) throws(CatalogueError) {
        try fields.allow([
            "id", "name", "dialect", "base_url", "environment", "options", "priority", "no_stream_options", "returned_members",
            "reasoning_field",
        ])
        id = try fields.identifier("id", allowed: "abcdefghijklmnopqrstuvwxyz0123456789.-_")
        name = try fields.string("name")
        dialect = try fields.choice("dialect") ?? .openai
        let environment = try fields.optionalString("environment")
        let allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_".utf8
        guard environment?.utf8.allSatisfy(allowed.contains) ?? true, environment != "" else {
            throw fields.error("environment", "must be capitals, digits and _")
        }
        environmentName = environment ?? Provider.environmentName(id)
        namesEnvironment = environment != nil
        options = try ProviderOption.read(fields)
        priority = try fields.priority("priority") ?? .one
        refusesStreamOptions = try fields.flag("no_stream_options")
        returnedMembers = try fields.choice("returned_members") ?? .all
        reasoningField = try fields.choice("reasoning_field") ?? .reasoning
        let url = try fields.optionalString("base_url")
        switch (dialect, url) {
        case (.echo, nil): baseURL = nil
        case (.echo, _): throw fields.error("base_url", "the built-in provider has none")
        case (_, let url?):
            // What stands for an option has the form of its values.
            let names = Dictionary(uniqueKeysWithValues: options.map { ($0.name, $0.name) })
            guard ProviderOption.filled(url, names).flatMap(BaseURL.checked) != nil else {
                throw fields.error("base_url", BaseURL.rule + (options.isEmpty ? "" : ", its options in braces"))
            }
            baseURL = String(url.reversed().drop { $0 == "/" }.reversed())
        case (_, nil): throw fields.error("base_url", "is missing")
        }
    }
}

/// The form of a provider's URL.
public enum BaseURL {
    /// What a URL must be, as the end of a sentence.
    public static let rule = "must be an http or https URL without credentials, query or fragment"

    /// `text` without slashes at its end, if it is a URL to which a path can be added.
    public static func checked(_ text: String) -> String? {
        let scheme = ["https://", "http://"].first { text.hasPrefix($0) }
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"?#@\"<>\\^`{|}".utf8.contains($0) }
        guard let scheme, isPlain, text.utf8.count > scheme.utf8.count, text.utf8.count <= 2048 else { return nil }
        var url = Substring(text)
        while url.last == "/" { url.removeLast() }
        return url.count > scheme.count ? String(url) : nil
    }
}
