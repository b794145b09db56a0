internal import Catalogue
internal import Dialects

/// The credential that a provider was sent, to be taken out of what it says: some quote it in their errors.
struct SentCredential: Sendable {
    /// The longest first, of which the others may be parts.
    private let secrets: [String]

    /// A shorter one is a word that services without keys are given, and stands in sentences.
    private static let shortest = 8
    private static let cover = "***"

    /// The credential of the account that pays `route`, as it is before it is opened.
    init(of route: Route) { self.init(of: route.payingAccount) }

    /// What `account` is sent by: an access token, where it was opened by one.
    init(of account: Provider.Account?) {
        let secret = account?.apiKey ?? ""
        // Bedrock's has an id, a secret and perhaps a token, of which requests say each apart. A service account is never sent.
        let parts = account?.isServiceAccount == true ? [] : secret.split(separator: ":").map { String($0) }
        let plain = Set([secret] + parts).filter { $0.utf8.count >= Self.shortest }
        // As some write a solidus in JSON (RFC 8259, 7).
        let all = plain.union(plain.map { $0.replacing("/", with: "\\/") })
        secrets = all.sorted { ($0.utf8.count, $0) > ($1.utf8.count, $1) }
    }

    /// The error without it.
    func hidden(in error: APIError) -> APIError {
        guard secrets.contains(where: { error.message.contains($0) }) else { return error }
        return APIError(
            status: error.status,
            message: secrets.reduce(error.message) { message, secret in message.replacing(secret, with: Self.cover) },
            param: error.param, code: error.code, type: error.type)
    }

    /// The events without it.
    func hidden(in events: [UInt8]) -> [UInt8] {
        secrets.reduce(events) { events, secret in events.replacing(Array(secret.utf8), with: Array(Self.cover.utf8)) }
    }
}
