import ArgumentParser
import Ledger
import Management
import Money

struct CreditsCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credits", abstract: "Grant credits and put them right.", subcommands: [Grant.self, Adjust.self])

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

    struct Adjust: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put an organization's credits right by hand: nothing that was recorded is changed.")

        @Option(help: "The organization (org_…).")
        var organization: OrganizationID

        @Option(parsing: .unconditional, help: "In USD with its sign, at most nine decimal places.")
        var amount: NanoDollars

        @Option(help: "Why. It stays in the ledger: no person belongs in it.")
        var reason: String

        @Option(help: "The position of the event that was wrong.")
        var corrects: Int64?

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let change = try await Shop.open { [organization, amount, reason, corrects] in
                try await $0.management.adjustCredits(
                    organization: organization, amount: amount, reason: reason, corrects: corrects)
            }
            struct Answer: Encodable { let amount: String, position: Int64, applied: Bool }
            try output.show(
                Answer(amount: amount.decimal, position: change.position, applied: change.isApplied),
                text: "adjusted by \(amount.decimal) USD at position \(change.position)")
        }
    }
}
