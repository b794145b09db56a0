internal import Catalogue
internal import Dialects

extension ChatRequestScan {
    /// Tokens of an answer that are made room for where the request does not bound it.
    private static let expectedAnswer: Int64 = 4_096

    /// Whether `mapping` is likely to have room for the prompt, as it is estimated, and an answer.
    func fits(_ mapping: Mapping) -> Bool {
        let answer = outputLimit ?? min(Self.expectedAnswer, mapping.maximumOutput ?? Self.expectedAnswer)
        return estimatedPromptTokens + answer <= longestPrompt(for: mapping)
    }

    /// The routes that are likely to have room for the request before the others, which would refuse it however cheap they are.
    ///
    /// All stay, for what is estimated here the provider counts. Those that stand equal keep their places.
    func roomyFirst(_ routes: [Route]) -> [Route] {
        guard routes.count > 1, routes.contains(where: { !fits($0.mapping) }) else { return routes }
        return routes.filter { fits($0.mapping) } + routes.filter { !fits($0.mapping) }
    }
}

extension UnderstoodRequest {
    /// Whether `route` is likely to have room for it.
    func fits(_ route: Route) -> Bool {
        // What is said of the context of models that make images bounds no image.
        entered.entrance.kind == .image || scan.fits(route.mapping)
    }

    /// Those of its `routes` that are likely to have room for it before the others.
    func roomyFirst(_ routes: [Route]) -> [Route] {
        entered.entrance.kind == .image ? routes : scan.roomyFirst(routes)
    }
}
