internal import Catalogue
internal import Dialects

extension ChatRequestScan {
    /// Tokens of an answer that are made room for where the request does not bound it.
    private static let expectedAnswer: Int64 = 4_096

    /// Whether `mapping` is likely to have room for the prompt, as it is estimated, and an answer.
    func fits(_ mapping: Mapping) -> Bool {
        estimatedPromptTokens + (outputLimit ?? Self.expectedAnswer) <= longestPrompt(for: mapping)
    }

    /// The routes that are likely to have room for the request, because the others would refuse it however cheap they are; all,
    /// where none has, for what is estimated here the provider counts.
    func roomy(_ routes: [Route]) -> [Route] {
        guard routes.count > 1, routes.contains(where: { !fits($0.mapping) }) else { return routes }
        let fitting = routes.filter { fits($0.mapping) }
        return fitting.isEmpty ? routes : fitting
    }
}
