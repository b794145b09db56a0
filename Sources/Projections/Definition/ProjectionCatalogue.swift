/// The projections that a process knows.
public struct ProjectionCatalogue: Sendable {
    /// In the order of their names.
    public let definitions: [ProjectionDefinition]

    /// Reads every folder below `folders` that holds a `projection.json`; a folder may also be a projection itself.
    ///
    /// - Throws: ``ProjectionError/Code/invalidDefinition``, also when two folders have one name, and
    ///   ``ProjectionError/Code/refusedSQL`` naming the first place that is refused.
    public static func load(folders: [String]) throws(ProjectionError) -> ProjectionCatalogue { preconditionFailure("not built yet") }

    /// The projection of that name.
    public subscript(name: String) -> ProjectionDefinition? { definitions.first { $0.name == name } }
}
