public import Logging
public import Postgres

extension ProjectionCatalogue {
    /// Makes the tables of every projection that the database does not have yet; the others stay as they are.
    ///
    /// - Parameter configuration: a role that is, or may become, `llmgateway_projector`.
    /// - Throws: What the database threw; ``ProjectionError/Code/refusedSQL`` when the database knows a function or a schema that
    ///   a projection may not use.
    public func install(configuration: PostgresConfiguration, logger: Logger) async throws {
        try await Session.open(configuration, purpose: "installation", logger: logger).use { connection in
            for definition in definitions {
                let schema = ProjectionSchema.live(definition.name)
                // Whoever holds the projection's lock is installing it, or has.
                guard try await Checkpoint.read(schema: schema, connection) == nil,
                    try await ProjectionLock.take(ProjectionLock.live, definition.name, connection)
                else { continue }
                // It may have been made between the look and the lock.
                if try await Checkpoint.read(schema: schema, connection) == nil {
                    try await Installer(definition: definition, connection: connection).install(schema: schema, indexed: true)
                }
                try await ProjectionLock.release(ProjectionLock.live, definition.name, connection)
            }
        }
    }
}
