public import Logging
public import Postgres

extension ProjectionCatalogue {
    /// Makes the tables of every projection that the database does not have yet; the others stay as they are.
    ///
    /// - Parameter configuration: a role that is, or may become, `llmgateway_projector`.
    /// - Throws: What the database threw.
    public func install(configuration: PostgresConfiguration, logger: Logger) async throws {
        let session = try await ProjectionSession.open(configuration, logger: logger)
        do {
            for definition in definitions {
                // Whoever holds the projection's lock is installing it, or has.
                guard try await Checkpoint.read(definition.name, on: session.connection) == nil,
                    try await session.tryLock("projection." + definition.name)
                else { continue }
                try await session.connection.script(ProjectionSchema(definition).install(withIndexes: true))
            }
        } catch {
            await session.connection.close()
            throw error
        }
        await session.connection.close()
    }
}
