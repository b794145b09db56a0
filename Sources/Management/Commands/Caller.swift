internal import Ledger
internal import Web

/// Who makes a change, from where: what the audit trail keeps.
struct Caller: Sendable {
    let user: UserID
    let session: String
    let request: Ledger.RequestID
    let address: String?
    let userAgent: String?

    /// What decides nothing and names nobody beyond an id stays with the event; the rest lies beside it, and is forgotten.
    var metadata: EventMetadata {
        EventMetadata(source: "api", actor: user, session: session, request: request)
    }
}
