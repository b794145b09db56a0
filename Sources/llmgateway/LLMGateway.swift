import ArgumentParser

@main
struct LLMGateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "llmgateway",
        abstract: "An LLM gateway whose books always balance.")
}
