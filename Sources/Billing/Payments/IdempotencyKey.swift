internal import HTTPTypes
internal import Hummingbird
internal import Web

/// The name that a client gives to what it asks for, so that asked for again it is the same.
///
/// Source: draft-ietf-httpapi-idempotency-key-header; whoever sends the quotes that it wants has them in the name. Stripe takes
/// 255 characters.
struct IdempotencyKey: Sendable {
    let text: String
}

extension IdempotencyKey {
    /// - Returns: nil for a request that gives no name.
    /// - Throws: 400 for one that can't be kept.
    init?(of request: Request) throws(WebError) {
        guard let name = HTTPField.Name("idempotency-key"), let text = request.headers[name] else { return nil }
        guard (1...255).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw WebError.invalid(
                "idempotency-key", "The header Idempotency-Key must be 1 to 255 printable ASCII characters without spaces.")
        }
        self.text = text
    }
}
