import ArgumentParser
import Finance
import Ledger
import Money

struct BalanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "balance",
        abstract: "An organization's credits: now, as known at a time, after a position, or as known now of a time.")

    @Option(help: "The organization (org_…).")
    var organization: OrganizationID

    @Option(help: "As it was known at this time, as 2026-11-24T12:00:00Z.")
    var at: Timestamp?

    @Option(help: "As it was after this position of the ledger.")
    var position: Int64?

    @Option(help: "As is known now of this time: what happened by then, whenever it was recorded.")
    var effective: Timestamp?

    @OptionGroup var report: ReportOptions

    func validate() throws {
        if [at != nil, position != nil, effective != nil].count(where: { $0 }) > 1 {
            throw ValidationError("Give one of --at, --position and --effective.")
        }
        if let position, position < 0 { throw ValidationError("--position can't be negative.") }
    }

    func run() async throws {
        let view: BalanceView =
            at.map { .at($0) } ?? position.map { .position($0) } ?? effective.map { .effective($0) } ?? .now
        let balance = try await Shop.open { [organization] in
            try await Finance(postgres: $0.postgres).balance(of: organization, view)
        }
        struct Answer: Encodable { let organization: String, credited: String, charged: String, balance: String, position: Int64 }
        let answer = Answer(
            organization: balance.organization.description, credited: balance.credited.decimal,
            charged: balance.charged.decimal, balance: balance.balance.decimal, position: balance.position)
        try report.show(
            answer,
            text: """
                balance  \(answer.balance) USD
                credited \(answer.credited)
                charged  \(answer.charged)
                position \(answer.position)
                """,
            table: [Balance.columns, balance.values])
    }
}
