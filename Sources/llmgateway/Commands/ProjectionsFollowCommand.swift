import ArgumentParser
import Logging
import Postgres
import Projections

extension ProjectionsCommands {
    struct Follow: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep projections up to date that lie outside the repository, or in a copy of the ledger.",
            discussion: """
                Any number of processes may run it: one holds a projection at a time, the others stand by. Tables that are missing \
                are made, and filled from the first event; rebuild is faster at that.
                """)

        @Argument(help: "The projections; all of --folder if left out.")
        var names: [String] = []

        @Flag(help: "End when everything that is in the ledger now is applied.")
        var once = false

        @OptionGroup var folders: Folders

        func validate() throws {
            if names.isEmpty, folders.folder.isEmpty { throw ValidationError("Name projections, or a --folder of them.") }
        }

        func run() async throws {
            let settings = try Settings()
            let followed =
                names.isEmpty ? try ProjectionCatalogue.load(folders: folders.folder).definitions.map(\.name) : names
            // Among those of the repository too: one that has a name of theirs would go on with their tables.
            let definitions = try followed.map { try folders.definition($0, settings) }
            let configuration = try folders.database(settings, name: "llmgateway follow")
            let logger = once ? settings.connectingLogger : settings.logger(defaultLevel: .warning)
            let client = try folders.client(settings, name: "llmgateway follow")
            let projectors = definitions.map {
                Projector(definition: $0, configuration: configuration, signal: nil, logger: logger)
            }
            try await Foreground.run(logger: logger) { [once] in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for projector in projectors { group.addTask { await projector.run() } }
                    if once { group.addTask { try await client.use { try await Self.reachEnd(projectors, $0) } } }
                    // Projectors run until they are cancelled.
                    try await group.next()
                    group.cancelAll()
                }
            }
        }

        /// A halt may be one that was mended, until the first batch takes it away: for so many looks, 3 s.
        private static let looksAtHalt = 30

        /// Returns when all are where the ledger ends now, whichever process brings them there.
        private static func reachEnd(_ projectors: [Projector], _ client: PostgresClient) async throws {
            let catalogue = try ProjectionCatalogue(projectors.map(\.definition))
            let names = Set(projectors.map(\.definition.name))
            let head: Int64 = try await client.query("SELECT coalesce(max(position), 0) FROM ledger.events")[0].decode(0)
            var line = ProgressLine()
            var halts = 0
            while true {
                let statuses = try await ProjectionStatus.all(catalogue: catalogue, client: client)
                    .filter { names.contains($0.schema) }
                halts = statuses.contains { $0.state == .halted } ? halts + 1 : 0
                if let obstacle = Self.obstacle(statuses, projectors, believesHalts: halts > Self.looksAtHalt) {
                    throw Stuck(description: obstacle)
                }
                let isDone = halts == 0 && statuses.count == names.count && statuses.allSatisfy { $0.position >= head }
                let positions = statuses.map { "\($0.name) \($0.position)" }.joined(separator: ", ")
                line.show("\(positions) of \(head)", isLast: isDone)
                if isDone { return }
                try await Task.sleep(for: .milliseconds(100))
            }
        }

        /// The end is never reached: somebody has to do something first.
        private struct Stuck: Error, CustomStringConvertible { let description: String }

        /// - Parameter believesHalts: Whether a halt counts that no projector of this process has come to itself.
        private static func obstacle(
            _ statuses: [ProjectionStatus], _ projectors: [Projector], believesHalts: Bool
        ) -> String? {
            for status in statuses {
                switch status.state {
                case .halted where believesHalts: return "\(status.name) halted: \(status.error ?? "")"
                case .outdated: return "the tables of \(status.name) were made by another version of its folder; rebuild it"
                default: break
                }
            }
            // What has no tables yet, or lacks the right to say it there.
            for projector in projectors {
                if case .halted(_, let reason) = projector.state { return "\(projector.definition.name) halted: \(reason)" }
            }
            return nil
        }
    }
}
