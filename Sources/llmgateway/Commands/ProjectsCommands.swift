import ArgumentParser
import Ledger
import Management
import Money

struct ProjectsCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projects", abstract: "Create projects and set their limits.", subcommands: [Create.self, SetLimit.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create a project of an organization.")

        @Option(help: "The organization (org_…).")
        var organization: OrganizationID

        @Option(help: "Its name, 1 to 255 characters.")
        var name: String

        @Option(help: "What its keys together may spend, in USD; left out for no limit.")
        var usageLimit: NanoDollars?

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let created = try await Shop.open { [organization, name, usageLimit] in
                try await $0.management.createProject(organization: organization, name: name, usageLimit: usageLimit)
            }
            struct Answer: Encodable { let project: String, organization: String, position: Int64, applied: Bool }
            try output.show(
                Answer(
                    project: created.id.description, organization: created.organization.description,
                    position: created.change.position, applied: created.change.isApplied),
                text: "project \(created.id)", of: created.change)
        }
    }

    struct SetLimit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set or lift a project's usage limit.")

        @Option(help: "The project (proj_…).")
        var project: ProjectID

        @Option(help: "In USD, or none.")
        var usageLimit: LimitArgument

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let change = try await Shop.open { [project, usageLimit] in
                try await $0.management.setLimit(project: project, usageLimit: usageLimit.amount)
            }
            try output.show(change, text: "project \(project) limit \(usageLimit.amount?.decimal ?? "none")")
        }
    }
}
