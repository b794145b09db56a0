import ArgumentParser
import Catalogue
import FoundationEssentials

struct CatalogueImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make a catalogue file of a list of models and prices.",
        discussion: """
            Of mappings that the catalogue has, the prices are taken over where they differ; models that it does not have are added \
            where it has the provider. Nothing changes before the file is named in LLMGATEWAY_CATALOGUE: look at it with \
            `catalogue check` and `catalogue diff` first.
            """)

    enum Source: String, ExpressibleByArgument, CaseIterable { case litellm }

    @Option(help: "Whose list it is: litellm (its model_prices_and_context_window.json).")
    var from: Source
    @Argument(help: "The list.")
    var file: String
    @Option(help: "Only models of this provider; may be given several times.")
    var provider: [String] = []
    @Flag(help: "Only mappings that the catalogue has: adds no model.")
    var known = false
    @Option(help: "Where the catalogue file goes; it is printed otherwise.")
    var write: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard write != nil || !output.json else { throw ValidationError("--json needs --write: the file itself is printed.") }
    }

    func run() async throws {
        struct Answer: Encodable {
            struct Reason: Encodable { let reason: String, entries: Int }
            let changed: Int, added: Int, passedOver: [Reason]
        }
        guard let data = try? Data(contentsOf: URL(filePath: file)) else { throw ValidationError("\(file) can't be read.") }
        let made = try LiteLLMImport(
            Array(data), path: file, into: try CatalogueCommands.paths(), providers: Set(provider), adds: !known)
        guard let write else {
            try StandardStream.output.write(made.file)
            return
        }
        try Data(made.file).write(to: URL(filePath: write))
        let reasons = made.passedOver.map { Answer.Reason(reason: $0.reason, entries: $0.count) }
        let lines =
            ["\(write): \(made.changed) mappings with other prices, \(made.added) new"]
            + reasons.map { "passed over: \($0.entries) \($0.reason)" }
        try output.show(
            Answer(changed: made.changed, added: made.added, passedOver: reasons), text: lines.joined(separator: "\n"))
    }
}
