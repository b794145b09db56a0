import FoundationEssentials

extension ProjectionDefinition {
    /// `projection.json`.
    private struct File: Decodable {
        var name: String
        var version: Int32
        var events: [String: Int32]
        var streams: [String: Set<String>]?
        var onPoison: PoisonPolicy?
        var order: Order?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case name, version, events, streams, order
            case onPoison = "on_poison"
        }

        struct AnyKey: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            // A misspelt member must not be taken for one that is absent.
            for key in try decoder.container(keyedBy: AnyKey.self).allKeys where CodingKeys(stringValue: key.stringValue) == nil {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: [key], debugDescription: "there is no member of that name"))
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decode(String.self, forKey: .name)
            version = try container.decode(Int32.self, forKey: .version)
            events = try container.decode([String: Int32].self, forKey: .events)
            streams = try container.decodeIfPresent([String: Set<String>].self, forKey: .streams)
            onPoison = try container.decodeIfPresent(PoisonPolicy.self, forKey: .onPoison)
            order = try container.decodeIfPresent(Order.self, forKey: .order)
        }
    }

    /// Reads a projection's folder: `projection.json`, `tables.sql`, `indexes.sql`, `apply.sql`, `verify.sql`.
    ///
    /// - Throws: ``ProjectionError/Code/invalidDefinition`` naming the file and what is wrong with it.
    public static func load(folder: String) throws(ProjectionError) -> ProjectionDefinition {
        let json = try text(of: "projection.json", in: folder)
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: Data(json.utf8))
        } catch {
            throw ProjectionError(.invalidDefinition, "\(folder)/projection.json: \(describe(error))")
        }
        let last = folder.split(separator: "/").last.map(String.init) ?? folder
        guard file.name == last else {
            throw ProjectionError(
                .invalidDefinition, "\(folder)/projection.json: name is \(file.name), but the folder is \(last)")
        }
        return try ProjectionDefinition(
            name: file.name, version: file.version, events: file.events, streams: file.streams ?? [:],
            onPoison: file.onPoison ?? .halt, order: file.order ?? .ledger,
            tables: text(of: SQLRules.File.tables.rawValue, in: folder),
            indexes: text(of: SQLRules.File.indexes.rawValue, in: folder),
            apply: text(of: SQLRules.File.apply.rawValue, in: folder),
            verify: text(of: SQLRules.File.verify.rawValue, in: folder))
    }

    private static func text(of file: String, in folder: String) throws(ProjectionError) -> String {
        do {
            return try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
        } catch {
            throw ProjectionError(.invalidDefinition, "\(folder)/\(file) can't be read")
        }
    }

    private static func describe(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "it is not JSON" }
        let context: DecodingError.Context
        switch error {
        case .typeMismatch(_, let at), .valueNotFound(_, let at), .dataCorrupted(let at): context = at
        case .keyNotFound(let key, _): return "\(key.stringValue) is missing"
        @unknown default: return "it is not understood"
        }
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
    }
}
