internal import Catalogue

/// Where the models of a publisher are asked at Vertex AI.
enum VertexPlace {
    /// At Vertex AI an account without a project is one of the express mode
    /// (https://cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/overview).
    static func path(_ call: String, of model: String, by publisher: String, at account: Provider.Account) -> String {
        let place = "publishers/\(publisher)/models/\(model):\(call)"
        guard let project = account.options["project"] else { return "/v1/\(place)" }
        return "/v1/projects/\(project)/locations/\(account.options["region"] ?? "global")/\(place)"
    }
}
