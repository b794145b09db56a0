import Admission
import ArgumentParser
import Ledger
import Logging
import Postgres
import Projections

extension ProjectionsCommands {
    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Rebuild a projection beside the live one, prove it equal, and swap it in.",
            discussion: """
                An interrupted rebuild goes on where it ended. The old tables stay as NAME__previous. After admission was rebuilt, a \
                new epoch begins: the states in Redis are built anew from the new tables.
                """)

        @Argument(help: "The projection.")
        var name: String?

        @Flag(help: "Those whose tables an earlier version made, as after an update of the program. It may be none.")
        var outdated = false

        @OptionGroup var folders: Folders
        @OptionGroup var output: OutputOptions

        private struct Answer: Encodable {
            let name: String
            let version: OrNull<Int32>, position: OrNull<Int64>, eventsPerSecond: OrNull<Double>, equal: OrNull<Bool>
            let epoch: OrNull<Int64>

            /// - Parameter report: nil where only the epoch of an earlier rebuild was left to begin.
            init(name: String, report: Rebuilder.Report?, epoch: Int64?) {
                self.name = name
                version = OrNull(report?.version)
                position = OrNull(report?.position)
                eventsPerSecond = OrNull(report?.eventsPerSecond.rounded())
                equal = OrNull(report?.comparison?.equal)
                self.epoch = OrNull(epoch)
            }
        }

        func validate() throws {
            guard (name == nil) == outdated else { throw ValidationError("Name a projection, or say --outdated.") }
        }

        func run() async throws {
            let settings = try Settings()
            if let name {
                let (answer, text) = try await rebuild(try folders.definition(name, settings), settings)
                return try output.show(answer, text: text)
            }
            let (definitions, owesEpoch) = try await outdated(settings)
            var done: [(answer: Answer, text: String)] = []
            // First, so that a rebuild that fails does not keep it waiting.
            if owesEpoch {
                let epoch = try await Self.beginEpoch()
                done.append(
                    (Answer(name: "admission", report: nil, epoch: epoch), "admission was rebuilt before, epoch \(epoch)"))
            }
            for definition in definitions { done.append(try await rebuild(definition, settings)) }
            let text = done.isEmpty ? "no projection is outdated" : done.map(\.text).joined(separator: "\n")
            try output.show(done.map(\.answer), text: text)
        }

        /// What is to be rebuilt, and whether an earlier rebuild of admission was left without its epoch.
        private func outdated(
            _ settings: Settings
        ) async throws -> (definitions: [ProjectionDefinition], owesEpoch: Bool) {
            let catalogue = try folders.catalogue(settings)
            return try await folders.client(settings, name: "llmgateway rebuild").use { client in
                let statuses = try await ProjectionStatus.all(catalogue: catalogue, client: client)
                var names = Set(statuses.filter { $0.state == .outdated }.map(\.name))
                names.formUnion(try await catalogue.parkedBefore(client))
                // Nothing in Redis is of a copy's tables.
                let owesEpoch = folders.target ? false : try await EpochStarter.isOwed(in: client)
                return (definitions: catalogue.definitions.filter { names.contains($0.name) }, owesEpoch: owesEpoch)
            }
        }

        private func rebuild(
            _ definition: ProjectionDefinition, _ settings: Settings
        ) async throws -> (answer: Answer, text: String) {
            let name = definition.name
            let rebuilder = Rebuilder(
                definition: definition, configuration: try folders.database(settings, name: "llmgateway rebuild"),
                logger: settings.logger(defaultLevel: .warning))
            let line = RebuildProgressLine(name)
            let report = try await rebuilder.rebuild { line.show($0) }
            let epoch = name == "admission" && !folders.target ? try await Self.beginEpoch() : nil
            return (
                Answer(name: report.name, report: report, epoch: epoch),
                "\(report.name) rebuilt to \(report.position) at \(Int(report.eventsPerSecond)) events/s"
                    + (report.comparison.map { $0.equal ? ", equal to the live one" : ", different" } ?? ", verified")
                    + (epoch.map { ", epoch \($0)" } ?? "")
            )
        }

        /// Redis holds what the old tables said. It is not looked whether the new ones say something else: a command that died
        /// before this would find them equal when it is run again.
        private static func beginEpoch() async throws -> Int64 {
            do {
                return try await Shop.open { shop in
                    try await EpochStarter(appender: shop.appender, postgres: shop.postgres).startForAll(reason: "tables_rebuilt")
                }
            } catch {
                throw ValidationError(
                    "The new tables are in place, but Redis holds what the old ones said, because no epoch could begin: \(error). "
                        + "Run the command again.")
            }
        }
    }
}
