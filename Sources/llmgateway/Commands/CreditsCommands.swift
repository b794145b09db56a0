import ArgumentParser
import Ledger
import Management
import Money

struct CreditsCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credits", abstract: "Grant credits, show them, and put them right.",
        subcommands: [Grant.self, List.self, Adjust.self])

    struct Grant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give an organization credits.")

        @Option(help: "The organization (org_…).")
        var organization: OrganizationID

        @Option(help: "In USD, at most nine decimal places.")
        var amount: NanoDollars

        @Option(help: "paid, promotional, referral or adjustment.")
        var kind: GrantKind = .promotional

        @Option(help: "When what is left of it is taken, as 2027-01-31T00:00:00Z; never if left out.")
        var expiresAt: Timestamp?

        @Option(
            parsing: .unconditional,
            help: "Lower is used first. Of equal ones what expires sooner is used first, and then what is older.")
        var priority: Int64 = 0

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let grant = try await Shop.open { [organization, amount, kind, expiresAt, priority] in
                try await $0.management.grantCredits(
                    organization: organization, amount: amount, kind: kind, expiresAt: expiresAt, priority: priority)
            }
            struct Answer: Encodable { let grant: String, amount: String, position: Int64, applied: Bool }
            try output.show(
                Answer(
                    grant: grant.id.description, amount: amount.decimal, position: grant.change.position,
                    applied: grant.change.isApplied),
                text: "grant \(grant.id) of \(amount.decimal) USD", of: grant.change)
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
                text: "adjusted by \(amount.decimal) USD at position \(change.position)", of: change)
        }
    }
}
