import ArgumentParser
import FoundationEssentials
import Ledger
import Logging
import Postgres
import Projections

struct ProjectionsCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projections", abstract: "List, watch, rebuild and compare the read models, and begin new ones.",
        subcommands: [List.self, Status.self, Rebuild.self, Compare.self, Follow.self, New.self])

    /// Folders of projections beside the repository's own.
    struct Folders: ParsableArguments {
        @Option(help: "A further folder of projections, outside the repository; may be repeated.")
        var folder: [String] = []

        @Flag(help: "In the copy of the ledger in TARGET_DATABASE_URL, which `ledger copy` makes.")
        var target = false

        /// Where the tables are.
        func database(_ settings: Settings, name: String) throws -> PostgresConfiguration {
            guard target else { return try settings.postgres(settings.projectorDatabaseURL, name: name) }
            return try settings.postgres(try settings.requireTarget(), name: name)
        }

        /// A connection to them.
        func client(_ settings: Settings, name: String) throws -> PostgresClient {
            PostgresClient(try database(settings, name: name), maximumConnections: 1, logger: settings.connectingLogger)
        }

        func catalogue(_ settings: Settings) throws -> ProjectionCatalogue {
            try ProjectionCatalogue.load(folders: [settings.root + "/projections"] + folder)
        }

        func definition(_ name: String, _ settings: Settings) throws -> ProjectionDefinition {
            let catalogue = try catalogue(settings)
            guard let definition = catalogue[name] else {
                let known = catalogue.definitions.map(\.name).joined(separator: ", ")
                throw ValidationError("There is no projection \(name); there are \(known).")
            }
            return definition
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The projections and what each reads.")
        @OptionGroup var folders: Folders
        @OptionGroup var output: OutputOptions

        func run() async throws {
            struct Answer: Encodable { let name: String, version: Int32, types: [String] }
            let definitions = try folders.catalogue(try Settings()).definitions
            try output.show(
                definitions.map { Answer(name: $0.name, version: $0.version, types: $0.types) },
                text: definitions.map { "\($0.name) \($0.version): \($0.types.joined(separator: " "))" }.joined(separator: "\n"))
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "How far each projection is, and whether it halted.")
        @OptionGroup var folders: Folders
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try Settings()
            let catalogue = try folders.catalogue(settings)
            let client = try folders.client(settings, name: "llmgateway status")
            let statuses = try await Unmigrated.explained {
                try await client.use { try await ProjectionStatus.all(catalogue: catalogue, client: $0) }
            }
            try output.show(
                statuses.map(Answer.init),
                text: statuses.map { status in
                    let error = status.error.map { ": \($0)" } ?? ""
                    return
                        "\(status.schema) \(status.state.rawValue) at \(status.position) of \(status.head), lag \(status.lag)\(error)"
                }.joined(separator: "\n"))
        }

        private struct Answer: Encodable {
            let name: String, schema: String, version: Int32, state: String, position: Int64, head: Int64
            let asOf: OrNull<String>, haltedAt: OrNull<Int64>, error: OrNull<String>, parked: Int64

            init(_ status: ProjectionStatus) {
                name = status.name
                schema = status.schema
                version = status.version
                state = status.state.rawValue
                position = status.position
                head = status.head
                asOf = OrNull(status.asOf?.iso8601)
                haltedAt = OrNull(status.haltedAt)
                error = OrNull(status.error)
                parked = status.parked
            }
        }
    }

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a folder with a projection that works as it stands, to be changed.",
            discussion: "`projections rebuild NAME --folder FOLDER` makes its tables.")

        @Argument(help: "Its name: a-z, then at most 39 of a-z, 0-9 and _.")
        var name: String

        @Option(help: "The folder in which it is made.")
        var folder = "."

        func run() throws {
            let template = try ProjectionTemplate(name: name)
            // Each would be taken for the other, and the tables are the gateway's.
            let root = EnvironmentReader().text("llmgateway.root") ?? Installation.root()
            guard !FileManager.default.fileExists(atPath: "\(root)/projections/\(name)/projection.json") else {
                throw ValidationError("The gateway has a projection \(name) of its own; choose another name.")
            }
            try StandardStream.output.write(line: template.write(into: folder))
        }
    }

    struct Compare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replay a projection and compare it with the live one; exit status 1 when they differ.")

        @Argument(help: "The projection.")
        var name: String

        @OptionGroup var folders: Folders
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try Settings()
            let comparer = Comparer(
                definition: try folders.definition(name, settings),
                configuration: try folders.database(settings, name: "llmgateway compare"),
                logger: settings.logger(defaultLevel: .warning))
            let line = RebuildProgressLine(name)
            let comparison = try await comparer.compare { line.show($0) }
            struct Answer: Encodable {
                let name: String, position: Int64, equal: Bool, live: Comparison.Digest, replayed: Comparison.Digest
            }
            try output.show(
                Answer(
                    name: comparison.name, position: comparison.position, equal: comparison.equal, live: comparison.live,
                    replayed: comparison.replayed),
                text: "\(comparison.name) at \(comparison.position): \(comparison.equal ? "equal" : "different")\n"
                    + "live     \(comparison.live.total)\nreplayed \(comparison.replayed.total)")
            if !comparison.equal { throw ExitCode(1) }
        }
    }
}
