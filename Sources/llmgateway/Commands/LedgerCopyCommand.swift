import ArgumentParser
import Ledger
import Logging
import Synchronization

extension LedgerCommands {
    struct Copy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy the events into a second database, each checked against the chain.",
            discussion: """
                TARGET_DATABASE_URL names it: an empty database, and a role that may create roles there. Analysts' projections can \
                lie in it, where they cost the ledger nothing: projections follow. An interrupted copy goes on where it ended.
                """)

        @Flag(help: "Go on with what is appended, until the command is stopped.")
        var follow = false

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try Settings()
            let logger = settings.logger(defaultLevel: .warning)
            let copier = LedgerCopier(
                source: try settings.postgres(settings.databaseURL, name: "llmgateway copy"),
                target: try settings.postgres(try settings.requireTarget(), name: "llmgateway copy"),
                schemaFolder: settings.root + "/schema",
                logger: logger)
            let line = Mutex(ProgressLine())
            let last = Mutex<LedgerCopier.Progress?>(nil)
            let meter = Mutex(Meter())
            try await Foreground.run(logger: logger) { [follow] in
                _ = try await copier.run(follows: follow) { progress in
                    last.withLock { $0 = progress }
                    let pace = meter.withLock { $0.describe(progress.position, of: progress.head) }
                    line.withLock {
                        $0.show(
                            "copied \(progress.position) of \(progress.head)\(pace)", isLast: progress.position == progress.head)
                    }
                }
            }
            guard let progress = last.withLock({ $0 }) else { return }
            struct Answer: Encodable { let position: Int64, head: Int64 }
            try output.show(
                Answer(position: progress.position, head: progress.head),
                text: "the copy has \(progress.position) of \(progress.head) events")
        }
    }
}
