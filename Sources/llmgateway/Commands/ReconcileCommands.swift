import ArgumentParser
import Billing
import HTTPTransport
import Ledger
import Logging

struct ReconcileCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile", abstract: "Hold what others say of our money against the ledger.", subcommands: [Stripe.self])

    struct Stripe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stripe's movements of a time against the ledger's; exit status 1 when they differ.",
            discussion: "Needs STRIPE_SECRET_KEY.")

        @Option(help: "From this time, as 2026-11-01T00:00:00Z.")
        var from: Timestamp

        @Option(help: "To this time; now if left out.")
        var to: Timestamp?

        @OptionGroup var report: ReportOptions

        func run() async throws {
            let logger = try Settings().logger(defaultLevel: .warning)
            let settings = try BillingSettings(pagesURL: "")
            let transport = HTTPTransport(logger: logger)
            let end = to ?? .now
            let found = try await Shop.open { [from] shop in
                try await Billing(
                    appender: shop.appender, postgres: shop.postgres, transport: transport, secretKey: settings.secretKey,
                    apiURL: settings.apiURL, configuration: settings.configuration, logger: logger
                ).reconcile(from: from, to: end)
            }
            await transport.shutdown()
            let answer = ReconciliationReport(found)
            let summary =
                "\(answer.equal) equal, \(answer.onlyHere) only here, \(answer.onlyThere) only there, \(answer.different) different"
            try report.show(
                answer,
                text: (answer.lines.filter { $0.finding != "equal" }.map {
                    "\($0.kind) \($0.id): here \($0.here ?? "none"), there \($0.there ?? "none"): \($0.finding)"
                } + [summary]).joined(separator: "\n"),
                table: answer.table)
            if !answer.balanced { throw ExitCode(1) }
        }
    }
}
