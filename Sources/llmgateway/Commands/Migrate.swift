import ArgumentParser
import Ledger
import Logging
import Projections

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database to the present schema and create the ledger, as the role of MIGRATION_DATABASE_URL.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let settings = try Settings()
        let migrator = Migrator(
            schemaFolder: settings.root + "/schema",
            configuration: try settings.postgres(settings.migrationDatabaseURL, name: "llmgateway migrate"),
            logger: settings.logger(defaultLevel: .warning))
        let report = try await migrator.run()
        // Installed here, so that a serving process never finds a read model missing.
        try await ProjectionCatalogue.load(folders: [settings.root + "/projections"]).install(
            configuration: try settings.postgres(settings.projectorDatabaseURL, name: "llmgateway migrate"),
            logger: settings.logger(defaultLevel: .warning))
        struct Answer: Encodable { let applied: [String], ledger: String }
        try output.show(
            Answer(applied: report.applied, ledger: report.ledger.lowercase),
            text: "ledger \(report.ledger.lowercase), \(report.applied.count) migrations applied")
    }
}
