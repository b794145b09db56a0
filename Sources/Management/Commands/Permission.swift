internal import Ledger

/// What a member of an organization may do. Whoever is no member may do nothing, and does not learn that it exists.
enum Permission: String, Sendable, CaseIterable {
    case read
    case createKey
    /// Of a key that somebody else made.
    case changeAnyKey
    case changeProject
    case deleteProject
    case renameOrganization
    case changeBilling
    case deleteOrganization
    case manageMembers
    case manageProviderKeys
    case readAudit

    func isGranted(to role: MemberRole) -> Bool {
        switch self {
        case .read, .createKey: true
        case .changeAnyKey, .changeProject, .renameOrganization, .manageMembers, .manageProviderKeys,
            .readAudit:
            role != .developer
        case .deleteProject, .changeBilling, .deleteOrganization: role == .owner
        }
    }
}
