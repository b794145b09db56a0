import ArgumentParser
import Finance
import FoundationEssentials
import Ledger
import Money
import Web

struct JournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal", abstract: "The books: every posting of every event, or what each account holds.",
        discussion: "The postings of an event sum to zero, and so do all accounts.")

    @Option(help: "Only the books of one organization (org_…).")
    var organization: OrganizationID?

    @Option(help: "Only one account, as customer_credits.")
    var account: Account?

    @Option(help: "Only what was recorded after this time.")
    var from: Timestamp?

    @Option(help: "Only what was recorded at or before this time.")
    var to: Timestamp?

    @Flag(help: "What every account holds at the end, instead of the postings.")
    var totals = false

    @OptionGroup var report: ReportOptions

    func validate() throws {
        if totals, organization != nil || account != nil || from != nil {
            throw ValidationError("--totals is of all accounts from the beginning: it goes with --to alone.")
        }
        if let from, let to, from > to { throw ValidationError("--from must not be after --to.") }
    }

    func run() async throws {
        try await Shop.open { [self] shop in
            let finance = Finance(postgres: shop.postgres)
            var upTo = try await finance.head()
            if let to { upTo = try await finance.position(at: to) }
            if totals {
                try showTotals(try await finance.trialBalance(upTo: upTo), at: upTo)
            } else {
                var after: Int64 = 0
                if let from { after = try await finance.position(at: from) }
                try await showPostings(finance, after: after, upTo: upTo)
            }
        }
    }

    private func showTotals(_ accounts: [TrialBalance], at position: Int64) throws {
        struct Account: Encodable { let account: String, balance: String, postings: Int64 }
        struct Answer: Encodable { let position: Int64, accounts: [Account] }
        try report.show(
            Answer(
                position: position,
                accounts: accounts.map { Account(account: $0.account, balance: $0.balance.decimal, postings: $0.postings) }),
            text: accounts.map { "\($0.account) \($0.balance.decimal)" }.joined(separator: "\n"),
            table: [TrialBalance.columns] + accounts.map(\.values))
    }

    /// A line a posting, written as it is read; with `--json` one object a line.
    private func showPostings(_ finance: Finance, after position: Int64, upTo: Int64) async throws {
        struct Line: Encodable {
            let position: Int64, line: Int64, occurredAt: String, organization: String, account: String, amount: String
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let output = StandardStream.output
        if report.csv { try output.write(line: CSV.line(JournalEntry.columns)) }
        var after: (position: Int64, line: Int64) = (position, .max)
        while true {
            let page = try await finance.journal(
                of: organization, account: account, after: after, upTo: upTo, limit: 5_000)
            for entry in page {
                let (time, amount) = (entry.occurredAt.iso8601, entry.amount.decimal)
                if report.json {
                    let line = Line(
                        position: entry.position, line: entry.line, occurredAt: time,
                        organization: entry.organization.description, account: entry.account, amount: amount)
                    try output.write(line: String(decoding: encoder.encode(line), as: UTF8.self))
                } else if report.csv {
                    try output.write(line: CSV.line(entry.values))
                } else {
                    try output.write(line: "\(entry.position) \(time) \(entry.organization) \(entry.account) \(amount)")
                }
            }
            guard let last = page.last else { return }
            after = (last.position, last.line)
        }
    }
}
