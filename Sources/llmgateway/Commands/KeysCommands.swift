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

        @Option(help: "What the key may spend in each period, in USD; left out for no limit.")
        var periodUsageLimit: NanoDollars?

        @Option(help: "How many units a period has, a year at most.")
        var periodUsageDurationValue: Int64?

        @Option(help: "The unit of a period, by the calendar in UTC.")
        var periodUsageDurationUnit: PeriodLimit.Unit?

        func validate() throws {
            let given = [periodUsageLimit != nil, periodUsageDurationValue != nil, periodUsageDurationUnit != nil]
            guard Set(given).count == 1 else {
                throw ValidationError(
                    "--period-usage-limit, --period-usage-duration-value and --period-usage-duration-unit belong together.")
            }
        }

        var values: Management.KeyLimits {
            .init(
                usageLimit: usageLimit, requestsPerMinute: requestsPerMinute, tokensPerMinute: tokensPerMinute, period: period)
        }

        private var period: PeriodLimit? {
            guard let periodUsageLimit, let periodUsageDurationValue, let periodUsageDurationUnit else { return nil }
            return PeriodLimit(amount: periodUsageLimit, count: periodUsageDurationValue, unit: periodUsageDurationUnit)
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create an API key, or many; a secret is shown this once.",
            discussion: "With --count and --json one object a line is printed, a line a key.")

        @Option(help: "The project (proj_…).")
        var project: ProjectID

        @Option(help: "What it is for, 1 to 255 characters.")
        var name: String

        @OptionGroup var limits: Limits

        @Option(help: "When it stops working, as 2027-01-31T00:00:00Z; left out for never.")
        var expiresAt: Timestamp?

        @Option(help: "How many such keys, 1 to 10000.")
        var count = 1

        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (1...10_000).contains(count) else { throw ValidationError("--count must be 1 to 10000.") }
        }

        func run() async throws {
            let created = try await Shop.open { [project, name, count, limits = limits.values, expiresAt] shop in
                try await withThrowingTaskGroup(of: Management.CreatedKey.self) { group in
                    var made: [Management.CreatedKey] = []
                    for index in 0..<count {
                        // As many at once as share a transaction, and no more than wait in the appender without harm.
                        if index >= 64, let one = try await group.next() { made.append(one) }
                        group.addTask {
                            try await shop.management.createKey(
                                project: project, name: name, limits: limits, expiresAt: expiresAt)
                        }
                    }
                    for try await one in group { made.append(one) }
                    return made
                }
            }
            for key in created { try show(key) }
            created.map(\.change).last { !$0.isApplied }?.remark()
        }

        private func show(_ created: Management.CreatedKey) throws {
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
            try output.show(change, text: "key \(key) inactive")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Turn an API key on again.")

        @Option(help: "The key (key_…).")
        var key: APIKeyID

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let change = try await Shop.open { [key] in try await $0.management.setStatus(key: key, isActive: true) }
            try output.show(change, text: "key \(key) active")
        }
    }

    struct SetLimit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-limit", abstract: "Replace all limits of an API key; one that is left out is lifted.",
            discussion: "This is also true of limits that were set with the API: say again what is to stay.")

        @Option(help: "The key (key_…).")
        var key: APIKeyID

        @OptionGroup var limits: Limits
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let change = try await Shop.open { [key, limits = limits.values] in
                try await $0.management.setLimits(key: key, limits: limits)
            }
            try output.show(change, text: "key \(key) limit \(limits.usageLimit?.decimal ?? "none")")
        }
    }
}
