import FoundationEssentials
import Glibc

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

    /// Reads every folder below `folders` that holds a `projection.json`; one of `folders` may also be a projection itself. One that
    /// is come to twice counts once.
    ///
    /// - Throws: As ``init(_:)``, and ``ProjectionError/Code/invalidDefinition`` for a folder that can't be read, or for two of one
    ///   name.
    public static func load(folders: [String]) throws(ProjectionError) -> ProjectionCatalogue {
        var definitions: [ProjectionDefinition] = []
        var places: [String: String] = [:]
        func add(_ folder: String) throws(ProjectionError) {
            let definition = try ProjectionDefinition.load(folder: folder)
            if let other = places[definition.name] {
                guard path(other) != path(folder) else { return }
                throw ProjectionError(
                    .invalidDefinition, "two projections are called \(definition.name): \(other) and \(folder); rename one")
            }
            places[definition.name] = folder
            definitions.append(definition)
        }
        for folder in folders {
            if isProjection(folder) {
                try add(folder)
                continue
            }
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            } catch {
                throw ProjectionError(.invalidDefinition, "the folder \(folder) can't be read")
            }
            for name in names where isProjection("\(folder)/\(name)") {
                try add("\(folder)/\(name)")
            }
        }
        return try ProjectionCatalogue(definitions)
    }

    /// The projection of that name.
    public subscript(name: String) -> ProjectionDefinition? { definitions.first { $0.name == name } }

    /// Where a folder is, whatever way leads there.
    private static func path(_ folder: String) -> String {
        guard let path = realpath(folder, nil) else { return folder }
        defer { free(path) }
        return String(cString: path)
    }

    private static func isProjection(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/projection.json")
    }
}
