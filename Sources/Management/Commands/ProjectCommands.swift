internal import Ledger
internal import Money
internal import Web

/// What people do with projects by routes, as far as they may; what an operator does is in `Operator/Projects`.
extension Management {
    /// What is set of a project; nil is left as it is, or as a new project has it.
    struct ProjectChange: Sendable {
        var name: String?
        var mode: String?
        var caching: Bool?
        var cacheSeconds: Int64?
        var usageLimit: FieldChange<NanoDollars> = .unchanged

        var isEmpty: Bool {
            name == nil && mode == nil && caching == nil && cacheSeconds == nil && usageLimit == .unchanged
        }
    }

    /// Makes a project.
    ///
    /// - Throws: 403 when the plan's projects are used up.
    func addProject(
        _ id: ProjectID, to organization: OrganizationID, _ change: ProjectChange, by caller: Caller
    ) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Change? in
            let standing = try await standing(of: .organization(organization), in: "organizations")
            let record = try await permitted(organization, .changeProject, by: caller, stranger: Self.noAccess)
            let most = PlanLimits(plan: record.plan).projects
            guard try await Int64(projects(of: organization, for: caller.user).count) < most else {
                throw WebError.forbidden("The plan \(record.plan) allows \(most) projects.")
            }
            let limit: NanoDollars? = if case .set(let limit) = change.usageLimit { limit } else { nil }
            return try await commit(
                [
                    draft(
                        ProjectCreated(
                            mode: change.mode ?? "credits", usageLimit: limit, caching: change.caching ?? false,
                            cacheSeconds: change.cacheSeconds),
                        .project(id), version: 0, organization: organization, by: caller, texts: ["name": change.name ?? ""]),
                    draft(
                        OrganizationProjectAdded(project: id), .organization(organization), version: standing.version,
                        organization: organization, by: caller),
                ], by: caller)
        }
    }

    /// Changes a project's settings.
    func change(project id: ProjectID, _ change: ProjectChange, by caller: Caller) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .project(id), in: "organizations")
            let record = try await permitted(id, .changeProject, by: caller)
            let event = ProjectUpdated(
                usageLimit: change.usageLimit, mode: change.mode, caching: change.caching, cacheSeconds: change.cacheSeconds,
                texts: change.name == nil ? nil : true)
            let done = try await commit(
                [
                    draft(
                        event, .project(id), version: standing.version, organization: record.organization, by: caller,
                        texts: change.name.map { ["name": $0] })
                ], by: caller)
            return done.map { _ in true }
        }
    }

    /// Deletes a project: its keys stop working with the answer.
    func delete(project id: ProjectID, by caller: Caller) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Change? in
            let standing = try await standing(of: .project(id), in: "organizations")
            let record = try await permitted(id, .deleteProject, by: caller)
            return try await commit(
                [draft(ProjectDeleted(), .project(id), version: standing.version, organization: record.organization, by: caller)],
                by: caller)
        }
    }

    /// The project, when the caller may do this to it.
    func permitted(
        _ id: ProjectID, _ permission: Permission, by caller: Caller,
        stranger: WebError = .notFound("There is no such project.")
    ) async throws(WebError) -> ProjectRecord {
        guard let record = try await project(id, for: caller.user) else { throw stranger }
        guard permission.isGranted(to: record.role) else { throw Self.notYours(record.role) }
        return record
    }
}
