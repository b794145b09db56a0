import ArgumentParser
import Ledger
import Logging
import Postgres
import Synchronization

extension LedgerCommands {
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write events with the exact text that their hashes cover, so that anyone can recompute the chain.")

        @Option(help: "The form: jsonl.")
        var format: Format = .jsonl

        @OptionGroup var options: EventFilterOptions

        enum Format: String, ExpressibleByArgument, CaseIterable {
            case jsonl
        }

        func run() async throws {
            let settings = try Settings()
            let exporter = Exporter(
                configuration: try settings.postgres(settings.databaseURL, name: "llmgateway export"),
                logger: settings.logger(defaultLevel: .warning))
            let count = try await exporter.run(after: options.after, filter: options.filter) { lines in
                StandardStream.output.write(lines)
            }
            StandardStream.error.write("\(count) events\n")
        }
    }
}
