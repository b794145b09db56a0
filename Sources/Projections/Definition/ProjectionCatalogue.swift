import FoundationEssentials

/// The projections that a process knows.
public struct ProjectionCatalogue: Sendable {
    /// In the order of their names.
    public let definitions: [ProjectionDefinition]

    /// - Throws: ``ProjectionError/Code/invalidDefinition`` when two have one name; ``ProjectionError/Code/refusedSQL`` naming
    ///   every place that is refused.
    public init(_ definitions: [ProjectionDefinition]) throws(ProjectionError) {
        let sorted = definitions.sorted { $0.name < $1.name }
        for (one, other) in zip(sorted, sorted.dropFirst()) where one.name == other.name {
            throw ProjectionError(.invalidDefinition, "two projections are called \(one.name)")
        }
        let names = Set(sorted.map(\.name))
        for definition in sorted {
            let refused = definition.check(otherSchemas: names)
            guard refused.isEmpty else {
                let list = refused.map(\.description).joined(separator: "\n")
                throw ProjectionError(.refusedSQL, "projection \(definition.name) is refused:\n\(list)")
            }
        }
        self.definitions = sorted
    }

    /// Reads every folder below `folders` that holds a `projection.json`; one of `folders` may also be a projection itself.
    ///
    /// - Throws: As ``init(_:)``, and ``ProjectionError/Code/invalidDefinition`` for a folder that can't be read.
    public static func load(folders: [String]) throws(ProjectionError) -> ProjectionCatalogue {
        var definitions: [ProjectionDefinition] = []
        for folder in folders {
            if isProjection(folder) {
                definitions.append(try .load(folder: folder))
                continue
            }
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            } catch {
                throw ProjectionError(.invalidDefinition, "the folder \(folder) can't be read")
            }
            for name in names where isProjection("\(folder)/\(name)") {
                definitions.append(try .load(folder: "\(folder)/\(name)"))
            }
        }
        return try ProjectionCatalogue(definitions)
    }

    /// The projection of that name.
    public subscript(name: String) -> ProjectionDefinition? { definitions.first { $0.name == name } }

    private static func isProjection(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/projection.json")
    }
}
