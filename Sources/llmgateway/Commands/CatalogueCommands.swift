import ArgumentParser
import Catalogue
import FoundationEssentials
import Ledger
import Money

struct CatalogueCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalogue", abstract: "Check, list and compare the models and their prices, or take over a list of others.",
        subcommands: [Check.self, List.self, Diff.self, CatalogueImport.self])

    /// Needs no server: what `serve` would load here, with further files merged after it.
    static func load(_ further: [String] = []) throws -> Catalogue {
        try Catalogue.load(files: paths() + further, environment: ProcessInfo.processInfo.environment)
    }

    /// The files that `serve` would load here.
    static func paths() throws -> [String] {
        let environment = ProcessInfo.processInfo.environment
        let files = (environment["LLMGATEWAY_CATALOGUE"] ?? "").split(separator: ":").map(String.init)
        return try Catalogue.installedPaths(root: environment["LLMGATEWAY_ROOT"] ?? Installation.root(), files: files)
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether the catalogue can be used, with these files merged into it.")
        @Argument(help: "Further catalogue files, the later ones winning.")
        var files: [String] = []
        @OptionGroup var output: OutputOptions

        func run() async throws {
            struct Answer: Encodable {
                let version: String, providers: Int, models: Int, mappings: Int, usable: [String], warnings: [String]
            }
            let catalogue = try CatalogueCommands.load(files)
            let usable = catalogue.providers.filter(\.isUsable).map(\.id)
            let mappings = catalogue.models.reduce(0) { $0 + $1.mappings.count }
            let lines =
                [
                    "catalogue \(catalogue.version): \(catalogue.providers.count) providers, \(catalogue.models.count) models in"
                        + " \(mappings) mappings", "usable here: \(usable.joined(separator: ", "))",
                ]
                + catalogue.warnings.map { "warning: \($0)" }
            try output.show(
                Answer(
                    version: catalogue.version, providers: catalogue.providers.count, models: catalogue.models.count,
                    mappings: mappings, usable: usable, warnings: catalogue.warnings),
                text: lines.joined(separator: "\n"))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The mappings: model, provider, and US dollars a million tokens in and out.")
        @Option(help: "Only of this provider.")
        var provider: String?
        @Option(help: "Only models of this family.")
        var family: String?
        @Flag(help: "Also what was switched off.")
        var all = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            struct Line: Encodable {
                let model: String, provider: String, upstreamModel: String, input: String, output: String
                let contextSize: Int64, maximumOutput: OrNull<Int64>
                let isUsable: Bool, isDeprecated: Bool, isActive: Bool
            }
            let catalogue = try CatalogueCommands.load()
            if let provider, catalogue.provider(provider) == nil {
                throw ValidationError("There is no provider \(provider).")
            }
            let now = Timestamp.now.microseconds
            let lines = catalogue.models.filter { family == nil || $0.family == family }.flatMap { model in
                model.mappings.filter { (provider ?? $0.provider) == $0.provider && (all || $0.isActive(at: now)) }.map {
                    Line(
                        model: model.id, provider: $0.provider, upstreamModel: $0.upstreamName,
                        input: $0.prices.tiers[0].input.perMillion, output: $0.prices.tiers[0].output.perMillion,
                        contextSize: $0.contextSize, maximumOutput: OrNull($0.maximumOutput),
                        isUsable: catalogue.provider($0.provider)?.isUsable ?? false, isDeprecated: $0.isDeprecated(at: now),
                        isActive: $0.isActive(at: now))
                }
            }
            let text = lines.map { line in
                let marks = (line.isDeprecated ? " deprecated" : "") + (line.isActive ? "" : " off")
                return "\(line.model) at \(line.provider): \(line.input) in, \(line.output) out\(marks)"
            }
            try output.show(lines, text: text.joined(separator: "\n"))
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What a file would change if it were merged.")
        @Argument(help: "A catalogue file.")
        var file: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            struct Line: Encodable { let entry: String, field: String, old: OrNull<String>, new: OrNull<String> }
            let differences = try CatalogueCommands.load().differences(to: try CatalogueCommands.load([file]))
            try output.show(
                differences.map { Line(entry: $0.entry, field: $0.field, old: OrNull($0.old), new: OrNull($0.new)) },
                text: differences.isEmpty ? "no difference" : differences.map(\.description).joined(separator: "\n"))
        }
    }
}
