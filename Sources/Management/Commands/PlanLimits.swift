/// How many of each thing a plan allows.
struct PlanLimits: Sendable, Equatable {
    /// API keys of a project that are not deleted.
    let keys: Int64
    /// Projects of an organization that are not deleted.
    let projects: Int64
    /// Members of an organization and invitations that are open.
    let seats: Int64

    /// Organizations that one person owns.
    static let organizations: Int64 = 3

    init(plan: String) {
        switch plan {
        case "enterprise": (keys, projects, seats) = (500, 250, 100)
        case "pro": (keys, projects, seats) = (20, 10, 20)
        default: (keys, projects, seats) = (5, 2, 5)
        }
    }
}
