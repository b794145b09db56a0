import ArgumentParser
import Ledger
import Management
import Money

struct KeysCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Create API keys, turn them off and on, set their limits.",
        subcommands: [Create.self, Disable.self, Enable.self, SetLimit.self])

    struct Limits: ParsableArguments {
        @Option(help: "What the key may spend in its lifetime, in USD; left out for no limit.")
        var usageLimit: NanoDollars?

        @Option(help: "Requests a minute; left out for no limit.")
        var requestsPerMinute: Int64?

        @Option(help: "Tokens a minute, prompt and completion; left out for no limit.")
        var tokensPerMinute: Int64?

        var values: Management.KeyLimits {
            .init(usageLimit: usageLimit, requestsPerMinute: requestsPerMinute, tokensPerMinute: tokensPerMinute)
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create an API key; its secret is shown this once.")

        @Option(help: "The project (proj_…).")
        var project: ProjectID

        @Option(help: "What it is for, 1 to 255 characters.")
        var name: String

        @OptionGroup var limits: Limits

        @Option(help: "When it stops working, as 2027-01-31T00:00:00Z; left out for never.")
        var expiresAt: Timestamp?

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let created = try await Shop.open { [project, name, limits = limits.values, expiresAt] in
                try await $0.management.createKey(project: project, name: name, limits: limits, expiresAt: expiresAt)
            }
            struct Answer: Encodable {
                let key: String, token: String, project: String, organization: String, position: Int64, applied: Bool
            }
            try output.show(
                Answer(
                    key: created.id.description, token: created.token.secret, project: created.project.description,
                    organization: created.organization.description, position: created.change.position,
                    applied: created.change.isApplied),
                text: "key \(created.id)\ntoken \(created.token.secret)")
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Turn an API key off.")

        @Option(help: "The key (key_…).")
        var key: APIKeyID

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let change = try await Shop.open { [key] in try await $0.management.setStatus(key: key, isActive: false) }
            try output.show(ChangeAnswer(change), text: "key \(key) inactive")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Turn an API key on again.")

        @Option(help: "The key (key_…).")
        var key: APIKeyID

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let change = try await Shop.open { [key] in try await $0.management.setStatus(key: key, isActive: true) }
            try output.show(ChangeAnswer(change), text: "key \(key) active")
        }
    }

    struct SetLimit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-limit", abstract: "Replace all limits of an API key; one that is left out is lifted.")

        @Option(help: "The key (key_…).")
        var key: APIKeyID

        @OptionGroup var limits: Limits
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let change = try await Shop.open { [key, limits = limits.values] in
                try await $0.management.setLimits(key: key, limits: limits)
            }
            try output.show(ChangeAnswer(change), text: "key \(key) limit \(limits.usageLimit?.decimal ?? "none")")
        }
    }
}
