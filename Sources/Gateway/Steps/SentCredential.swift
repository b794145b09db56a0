internal import Catalogue
internal import Dialects

/// The credential that a provider was sent, to be taken out of what it says: some quote it in their errors.
struct SentCredential: Sendable {
    private let secret: String

    /// A shorter one is a word that services without keys are given, and stands in sentences.
    private static let shortest = 8
    private static let cover = "***"

    init(of route: Route) { secret = route.payingAccount?.apiKey ?? "" }

    /// The error without it.
    func hidden(in error: APIError) -> APIError {
        guard secret.utf8.count >= Self.shortest, error.message.contains(secret) else { return error }
        return APIError(
            status: error.status, message: error.message.replacing(secret, with: Self.cover), param: error.param,
            code: error.code, type: error.type)
    }

    /// The events without it.
    func hidden(in events: [UInt8]) -> [UInt8] {
        guard secret.utf8.count >= Self.shortest else { return events }
        return events.replacing(Array(secret.utf8), with: Array(Self.cover.utf8))
    }
}
