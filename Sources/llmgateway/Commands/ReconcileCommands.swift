import ArgumentParser
import Billing
import FoundationEssentials
import HTTPTransport
import Ledger
import Logging
import Money

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
            try show(found)
            if !found.isBalanced { throw ExitCode(1) }
        }

        private func show(_ found: Reconciliation) throws {
            struct Line: Encodable { let kind: String, id: String, here: String?, there: String?, finding: String }
            struct Answer: Encodable {
                let from: String, to: String, balanced: Bool, equal: Int, onlyHere: Int, onlyThere: Int, different: Int
                let lines: [Line], others: [String: String]
            }
            let lines = found.lines.map { line in
                Line(
                    kind: line.kind.rawValue, id: line.id, here: line.here?.decimal, there: line.there?.decimal,
                    finding: line.isEqual
                        ? "equal" : line.there == nil ? "only here" : line.here == nil ? "only there" : "different")
            }
            let answer = Answer(
                from: found.from.iso8601, to: found.to.iso8601, balanced: found.isBalanced,
                equal: found.lines.count(where: \.isEqual), onlyHere: found.onlyHere.count, onlyThere: found.onlyThere.count,
                different: found.different.count, lines: lines, others: found.others.mapValues(\.decimal))
            let summary =
                "\(answer.equal) equal, \(answer.onlyHere) only here, \(answer.onlyThere) only there, \(answer.different) different"
            try report.show(
                answer,
                text: (lines.filter { $0.finding != "equal" }.map {
                    "\($0.kind) \($0.id): here \($0.here ?? "none"), there \($0.there ?? "none"): \($0.finding)"
                } + [summary]).joined(separator: "\n"),
                table: [["kind", "id", "here", "there", "finding"]]
                    + lines.map { [$0.kind, $0.id, $0.here ?? "", $0.there ?? "", $0.finding] })
        }
    }
}
