import ArgumentParser
import Ledger
import Management
import Money

struct CreditsCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credits", abstract: "Grant credits.", subcommands: [Grant.self])

    struct Grant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give an organization credits.")

        @Option(help: "The organization (org_…).")
        var organization: OrganizationID

        @Option(help: "In USD, at most nine decimal places.")
        var amount: NanoDollars

        @Option(help: "paid, promotional or referral.")
        var kind: GrantKind = .promotional

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let grant = try await Shop.open { [organization, amount, kind] in
                try await $0.management.grantCredits(organization: organization, amount: amount, kind: kind)
            }
            struct Answer: Encodable { let grant: String, amount: String, position: Int64, applied: Bool }
            try output.show(
                Answer(
                    grant: grant.id.description, amount: amount.decimal, position: grant.change.position,
                    applied: grant.change.isApplied),
                text: "grant \(grant.id) of \(amount.decimal) USD")
        }
    }
}
