internal import FoundationEssentials

/// The projections of some folders of folders.
public struct ProjectionCatalogue: Sendable {
    /// In the order of their names, with no name twice.
    public let definitions: [ProjectionDefinition]

    /// Loads every projection in `folders`, each of which holds one folder a projection.
    ///
    /// - Throws: ``ProjectionError`` `.invalidDefinition` for a folder that can't be read or a name that stands twice.
    public static func load(folders: [String]) throws(ProjectionError) -> ProjectionCatalogue {
        var definitions: [String: ProjectionDefinition] = [:]
        for folder in folders {
            let names: [String]
            do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
                throw ProjectionError(.invalidDefinition, "the folder \(folder) can't be read")
            }
            for name in names.sorted() where FileManager.default.fileExists(atPath: "\(folder)/\(name)/projection.json") {
                let definition = try ProjectionDefinition.load(folder: "\(folder)/\(name)")
                guard definitions.updateValue(definition, forKey: definition.name) == nil else {
                    throw ProjectionError(.invalidDefinition, "two folders hold a projection called \(definition.name)")
                }
            }
        }
        return ProjectionCatalogue(definitions: definitions.values.sorted { $0.name < $1.name })
    }

    /// The projection of that name.
    public subscript(name: String) -> ProjectionDefinition? { definitions.first { $0.name == name } }
}
