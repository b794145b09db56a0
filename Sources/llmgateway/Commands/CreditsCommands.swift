import ArgumentParser
import Finance
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

        @Option(help: "paid, promotional or referral.")
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
                text: "grant \(grant.id) of \(amount.decimal) USD")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Each credit that an organization was given or bought, and what became of it.")

        @Option(help: "The organization (org_…).")
        var organization: OrganizationID

        @Flag(help: "Only those of which something is left.")
        var open = false

        @OptionGroup var report: ReportOptions

        private struct Line: Encodable {
            let grant: String, kind: String, priority: Int64, expiresAt: String?, position: Int64, grantedAt: String
            let amount: String, returned: String, used: String, refunded: String, voided: String, frozen: String, expired: String
            let remaining: String
        }

        func run() async throws {
            let grants = try await Shop.open { [organization, open] shop in
                let finance = Finance(postgres: shop.postgres)
                var grants: [CreditGrant] = []
                while true {
                    let page = try await finance.grants(
                        of: organization, isOpen: open, after: grants.last?.position ?? 0, limit: 5_000)
                    if page.isEmpty { return grants }
                    grants += page
                }
            }
            let lines = grants.map { grant in
                Line(
                    grant: grant.id, kind: grant.kind, priority: grant.priority, expiresAt: grant.expiresAt?.iso8601,
                    position: grant.position, grantedAt: grant.grantedAt.iso8601, amount: grant.amount.decimal,
                    returned: grant.returned.decimal, used: grant.used.decimal, refunded: grant.refunded.decimal,
                    voided: grant.voided.decimal, frozen: grant.frozen.decimal, expired: grant.expired.decimal,
                    remaining: grant.remaining.decimal)
            }
            try report.show(
                lines,
                text: lines.map {
                    "\($0.grant) \($0.kind) \($0.remaining) of \($0.amount) USD"
                        + ($0.expiresAt.map { ", expires \($0)" } ?? "")
                }.joined(separator: "\n"),
                table: [
                    [
                        "grant", "kind", "priority", "expires_at", "position", "granted_at", "amount", "returned", "used",
                        "refunded",
                        "voided", "frozen", "expired", "remaining",
                    ]
                ]
                    + lines.map {
                        [
                            $0.grant, $0.kind, String($0.priority), $0.expiresAt ?? "", String($0.position), $0.grantedAt,
                            $0.amount,
                            $0.returned, $0.used, $0.refunded, $0.voided, $0.frozen, $0.expired, $0.remaining,
                        ]
                    })
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
