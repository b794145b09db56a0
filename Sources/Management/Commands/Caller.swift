internal import Ledger
internal import Web

/// Who makes a change, from where: what the audit trail keeps.
struct Caller: Sendable {
    let user: UserID
    let session: String
    let request: Ledger.RequestID
    let address: String?
    let userAgent: String?
    /// What led to the change: `api`, or what the gateway did by itself.
    var source = "api"

    /// What decides nothing and names nobody beyond an id stays with the event; the rest lies beside it, and is forgotten.
    var metadata: EventMetadata {
        EventMetadata(source: source, actor: user, session: session.isEmpty ? nil : session, request: request)
    }
}
