import ArgumentParser
import Ledger
import Management
import Money

struct BalanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "balance",
        abstract: "An organization's credits, folded from its events: now, as known at a time, or after a position.")

    @Option(help: "The organization (org_…).")
    var organization: OrganizationID

    @Option(help: "As it was known at this time, as 2026-11-24T12:00:00Z.")
    var at: Timestamp?

    @Option(help: "As it was after this position of the ledger.")
    var position: Int64?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        if at != nil && position != nil { throw ValidationError("Give --at or --position, not both.") }
        if let position, position < 0 { throw ValidationError("--position can't be negative.") }
    }

    func run() async throws {
        let view: Management.BalanceView = at.map { .at($0) } ?? position.map { .position($0) } ?? .now
        let balance = try await Shop.open { [organization] in
            try await $0.management.balance(organization: organization, view: view)
        }
        struct Answer: Encodable { let organization: String, credited: String, charged: String, balance: String, position: Int64 }
        try output.show(
            Answer(
                organization: balance.organization.description, credited: balance.credited.decimal,
                charged: balance.charged.decimal, balance: balance.balance.decimal, position: balance.position),
            text: """
                balance  \(balance.balance.decimal) USD
                credited \(balance.credited.decimal)
                charged  \(balance.charged.decimal)
                position \(balance.position)
                """)
    }
}
