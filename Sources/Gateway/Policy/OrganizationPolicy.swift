internal import Admission
internal import Ledger

/// Whose accounts a project uses at providers.
enum ProjectMode: String, Sendable, Hashable {
    /// The house's, for credits.
    case credits
    /// The organization's own alone.
    case apiKeys = "api-keys"
    /// The organization's own first, the house's where those fail or are missing.
    case hybrid
}

/// What an organization's routing depends on beside the catalogue, as of one position of the ledger.
///
/// Whatever else may decide where a request goes belongs here too: it is read by ``PolicyReader`` in the same snapshot, and its
/// events move the stamp in projections/admission.
final class OrganizationPolicy: Sendable {
    /// Up to where the read models were when it was read; admission compares it with the newest event that changed it.
    let position: Int64
    /// The rules of each member that has any: the ceiling over the keys that they made.
    let members: [UserID: RuleSet]
    /// The rules of each key that has any.
    let keys: [APIKeyID: RuleSet]
    /// By project; one that is not there has none.
    let modes: [ProjectID: ProjectMode]
    /// How long the answers of projects that cache are given again, in seconds; one that is not there does not.
    let cacheSeconds: [ProjectID: Int64]
    /// The organization's own accounts, in the order to try, by the provider's id or the name of a custom provider.
    let accounts: [String: [OwnAccount]]

    init(
        position: Int64, members: [UserID: RuleSet] = [:], keys: [APIKeyID: RuleSet] = [:],
        modes: [ProjectID: ProjectMode] = [:], cacheSeconds: [ProjectID: Int64] = [:],
        accounts: [String: [OwnAccount]] = [:]
    ) {
        self.position = position
        self.members = members
        self.keys = keys
        self.modes = modes
        self.cacheSeconds = cacheSeconds
        self.accounts = accounts
    }

    /// The rules that bind a key, outermost first; mostly none.
    func levels(of address: KeyAddress) -> [RuleSet] {
        let member = members.isEmpty ? nil : address.creator.flatMap { members[$0] }
        guard let key = keys[address.key] else { return member.map { [$0] } ?? [] }
        return member.map { [$0, key] } ?? [key]
    }

    /// Whose accounts the project uses.
    func mode(of project: ProjectID) -> ProjectMode { modes[project] ?? .credits }
}
