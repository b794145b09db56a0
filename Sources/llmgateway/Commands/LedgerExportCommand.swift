import ArgumentParser
import Finance
import Ledger
import Logging
import Postgres
import Synchronization

extension LedgerCommands {
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the ledger: its events as jsonl, or its books as beancount, ledger or csv.",
            discussion: """
                jsonl has the exact text that the hashes cover, so that anyone can recompute the chain. The books have assertions \
                of every balance at the end of each month and at the end, each with the chain's hash up to there.
                """)

        @Option(help: "The form: jsonl, beancount, ledger or csv.")
        var format: Format = .jsonl

        @OptionGroup var options: EventFilterOptions

        enum Format: String, ExpressibleByArgument, CaseIterable {
            case jsonl
            case beancount
            case ledger
            case csv

            var books: BooksFormat? { BooksFormat(rawValue: rawValue) }
        }

        func validate() throws {
            let isFiltered =
                options.stream != nil || !options.type.isEmpty || options.after != 0 || options.from != nil
                || options.clientRequestID != nil
            if format.books != nil, isFiltered {
                throw ValidationError("The books are whole: they go with --organization, --up-to and --to alone.")
            }
        }

        func run() async throws {
            if let books = format.books {
                try await export(books)
                return
            }
            let settings = try Settings()
            let exporter = Exporter(
                configuration: try settings.postgres(settings.databaseURL, name: "llmgateway export"),
                logger: settings.logger(defaultLevel: .warning))
            let count = try await exporter.run(after: options.after, filter: options.filter) { lines in
                try StandardStream.output.write(lines)
            }
            try? StandardStream.error.write("\(count) events\n")
        }

        private func export(_ format: BooksFormat) async throws {
            let done = try await Shop.open { [options] shop in
                var upTo = options.upTo
                if let to = options.to {
                    let then = try await Finance(postgres: shop.postgres).position(at: to)
                    upTo = min(upTo ?? then, then)
                }
                return try await BooksExporter(postgres: shop.postgres).run(
                    format, organization: options.organization, upTo: upTo
                ) { try StandardStream.output.write($0) }
            }
            try? StandardStream.error.write("\(done.events) events with postings, up to position \(done.position)\n")
        }
    }
}
