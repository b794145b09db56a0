import ArgumentParser
import Ledger
import Management

struct OrganizationsCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "organizations", abstract: "Create organizations, set what is kept of their requests, and erase them.",
        subcommands: [Create.self, SetRetention.self, Erase.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create an organization.")

        @Option(help: "Its name, 1 to 255 characters.")
        var name: String

        @Flag(help: "Charge requests in full, even above what was held for them.")
        var plain = false

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let created = try await Shop.open { [name, plain] in
                try await $0.management.createOrganization(name: name, isStrict: !plain)
            }
            struct Answer: Encodable { let organization: String, position: Int64, applied: Bool }
            try output.show(
                Answer(
                    organization: created.id.description, position: created.change.position, applied: created.change.isApplied),
                text: "organization \(created.id)", of: created.change)
        }
    }

    struct SetRetention: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether the bodies of an organization's requests are kept.",
            discussion: "Kept bodies lie beside the ledger, in ledger.payloads, until retention forgets them.")

        enum Level: String, ExpressibleByArgument {
            case retain, none
        }

        @Option(help: "The organization (org_…).")
        var organization: OrganizationID

        @Option(help: "retain or none, the default.")
        var level: Level

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let change = try await Shop.open { [organization, level] in
                try await $0.management.setRetention(organization: organization, isRetained: level == .retain)
            }
            try output.show(change, text: "organization \(organization) retention \(level.rawValue)")
        }
    }

    struct Erase: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an organization and what lies beside the ledger about it.",
            discussion: """
                Its keys stop working at once. Names, billing details, descriptions and credentials are deleted at once, bodies \
                and annotations of its requests by a serving process within minutes. Its events and balances stay.
                """)

        @Option(help: "The organization (org_…).")
        var organization: OrganizationID

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let change = try await Shop.open { [organization] in try await $0.management.eraseOrganization(organization) }
            try output.show(change, text: "organization \(organization) erased")
        }
    }
}
