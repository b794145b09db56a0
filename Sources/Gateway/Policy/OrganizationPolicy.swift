internal import Admission
internal import Ledger

/// What an organization's routing depends on beside the catalogue, as of one position of the ledger.
///
/// Whatever else may decide where a request goes (an organization's own provider keys, say) belongs here too: it is read by
/// ``PolicyReader`` in the same snapshot, and its events move the stamp in projections/admission.
final class OrganizationPolicy: Sendable {
    /// Up to where the read models were when it was read; admission compares it with the newest event that changed it.
    let position: Int64
    /// The rules of each key that has any.
    let keys: [APIKeyID: RuleSet]
    /// `credits`, `api-keys` or `hybrid`, by project.
    let modes: [ProjectID: String]

    init(position: Int64, keys: [APIKeyID: RuleSet] = [:], modes: [ProjectID: String] = [:]) {
        self.position = position
        self.keys = keys
        self.modes = modes
    }

    /// The rules that bind a key, outermost first; mostly none.
    func levels(of address: KeyAddress) -> [RuleSet] { keys[address.key].map { [$0] } ?? [] }
}
