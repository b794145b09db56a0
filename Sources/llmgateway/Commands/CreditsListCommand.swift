import ArgumentParser
import Finance
import Ledger
import Money

extension CreditsCommands {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Each credit that an organization was given or bought, and what became of it.")

        @Option(help: "The organization (org_…).")
        var organization: OrganizationID

        @Flag(help: "Only those of which something is left.")
        var open = false

        @OptionGroup var report: ReportOptions

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
            let lines = grants.map(Line.init)
            try report.show(
                lines, text: lines.map(\.text).joined(separator: "\n"), table: [CreditGrant.columns] + grants.map(\.values))
        }

        private struct Line: Encodable {
            let grant: String, payment: OrNull<String>, kind: String, priority: Int64, expiresAt: OrNull<String>, position: Int64
            let grantedAt: String, amount: String, returned: String, used: String, refunded: String, voided: String
            let frozen: String, expired: String, remaining: String

            init(_ grant: CreditGrant) {
                self.grant = grant.id.description
                payment = OrNull(grant.payment?.description)
                kind = grant.kind
                priority = grant.priority
                expiresAt = OrNull(grant.expiresAt?.iso8601)
                position = grant.position
                grantedAt = grant.grantedAt.iso8601
                amount = grant.amount.decimal
                returned = grant.returned.decimal
                used = grant.used.decimal
                refunded = grant.refunded.decimal
                voided = grant.voided.decimal
                frozen = grant.frozen.decimal
                expired = grant.expired.decimal
                remaining = grant.remaining.decimal
            }

            var text: String {
                "\(grant) \(kind) \(remaining) of \(amount) USD" + (expiresAt.value.map { ", expires \($0)" } ?? "")
            }
        }
    }
}
