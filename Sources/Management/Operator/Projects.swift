public import Ledger
public import Money

/// What an operator does with projects on the command line; what people do by routes is in `ProjectCommands`.
extension Management {
    /// A project that was made.
    public struct CreatedProject: Sendable {
        public let id: ProjectID
        public let organization: OrganizationID
        public let change: Change
    }

    /// Creates a project of an organization.
    ///
    /// - Parameter usageLimit: What all its keys together may spend in its lifetime; nil for no limit.
    public func createProject(
        organization: OrganizationID, name: String, usageLimit: NanoDollars? = nil
    ) async throws(ManagementError) -> CreatedProject {
        let name = try checkName(name)
        try checkLimit(usageLimit, field: "usageLimit")
        try await requireOrganization(organization)
        let id = ProjectID.mint()
        let event = try newEvent(
            ProjectCreated(mode: "credits", usageLimit: usageLimit, caching: false), stream: .project(id), expectedVersion: 0,
            organization: organization)
        return CreatedProject(id: id, organization: organization, change: try await append(event, named: name))
    }

    /// Sets or, with nil, lifts a project's usage limit.
    public func setLimit(project: ProjectID, usageLimit: NanoDollars?) async throws(ManagementError) -> Change {
        try checkLimit(usageLimit, field: "usageLimit")
        let (organization, version) = try await requireProject(project)
        return try await append(
            newEvent(
                ProjectUpdated(usageLimit: usageLimit.map { .set($0) } ?? .cleared), stream: .project(project),
                expectedVersion: version,
                organization: organization))
    }

    /// The organization of a project and its stream's version.
    ///
    /// - Throws: `notFound` when there is no such project or it was deleted.
    func requireProject(_ id: ProjectID) async throws(ManagementError) -> (OrganizationID, version: Int64) {
        guard let last = try await last(of: .project(id)), last.type != ProjectDeleted.type, let organization = last.organization
        else {
            throw .notFound("project", "There is no project \(id).")
        }
        return (organization, last.streamVersion)
    }
}
