public import Ledger
internal import Money
internal import Postgres
public import Web

/// What people do with organizations by routes, as far as they may; what an operator does is in `Operator/Organizations`.
extension Management {
    /// What a PATCH of an organization may set; nil is left as it is.
    struct OrganizationChange: Sendable {
        /// name, billingEmail, billingCompany, billingAddress, billingTaxId, billingNotes; nil takes one away.
        var texts: [String: String?] = [:]
        var retention: String?
        var autoTopUp: Bool?
        var threshold: NanoDollars?
        var amount: NanoDollars?
        /// Zero is no limit.
        var monthlyLimit: NanoDollars?

        /// Everything but the name is the owner's.
        var isBilling: Bool {
            retention != nil || autoTopUp != nil || threshold != nil || amount != nil || monthlyLimit != nil
                || texts.keys.contains { $0 != "name" }
        }

        var isEmpty: Bool { texts.isEmpty && !isBilling }
    }

    /// Gives a person who has just come an organization with a project, so that they can begin.
    ///
    /// - Parameter referral: The organization that sent them, as they say; one that is not there is passed over.
    /// - Throws: ``WebError`` when the ledger could not be reached; the person can make one by hand.
    public func welcome(_ user: UserID, referral: String? = nil) async throws(WebError) {
        let caller = Caller(user: user, source: "sign-up")
        var referrer: OrganizationID?
        if let referral, let id = OrganizationID(referral), try await isActive(id) { referrer = id }
        try await addOrganization(.mint(), name: "Default Organization", mode: "credits", referrer: referrer, by: caller)
    }

    /// Makes an organization with the caller as its owner, and a first project.
    ///
    /// - Parameters:
    ///   - mode: Of the project.
    ///   - referrer: The organization that sent the caller.
    /// - Throws: 403 when the caller owns as many as one person may.
    func addOrganization(
        _ organization: OrganizationID, name: String, mode: String = "hybrid", referrer: OrganizationID? = nil,
        by caller: Caller
    ) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Change? in
            let standing = try await standing(of: .user(caller.user), in: "organizations")
            guard try await ownedOrganizations(by: caller.user) < PlanLimits.organizations else {
                throw WebError.forbidden("One person can own \(PlanLimits.organizations) organizations.")
            }
            let project = ProjectID.mint()
            let stream = StreamName.organization(organization)
            let referral = try referrer.map { (referrer) throws(WebError) in
                try draft(
                    OrganizationReferred(referrer: referrer), stream, version: nil, organization: organization, by: caller)
            }
            return try await commit(
                [
                    draft(
                        UserOrganizationAdded(organization: organization), .user(caller.user), version: standing.version,
                        organization: organization, by: caller),
                    draft(
                        OrganizationCreated(), stream, version: 0, organization: organization, by: caller, texts: ["name": name]),
                    draft(
                        MemberAdded(user: caller.user, role: .owner), stream, version: nil, organization: organization, by: caller
                    ),
                    draft(
                        ProjectCreated(mode: mode), .project(project), version: 0, organization: organization, by: caller,
                        texts: ["name": "Default Project"]),
                    draft(
                        OrganizationProjectAdded(project: project), stream, version: nil, organization: organization, by: caller),
                ] + (referral.map { [$0] } ?? []), by: caller)
        }
    }

    /// Changes an organization.
    func change(organization id: OrganizationID, _ change: OrganizationChange, by caller: Caller) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .organization(id), in: "organizations")
            let record = try await permitted(id, .renameOrganization, by: caller)
            if change.isBilling, !Permission.changeBilling.isGranted(to: record.role) {
                throw WebError.forbidden("Only an owner can change billing and policies.")
            }
            var texts = record.texts
            for (field, text) in change.texts { texts[field] = text }
            let event = OrganizationUpdated(
                texts: change.texts.isEmpty ? nil : true, retention: change.retention, autoTopUp: change.autoTopUp,
                autoTopUpThreshold: change.threshold, autoTopUpAmount: change.amount, autoTopUpMonthlyLimit: change.monthlyLimit)
            let done = try await commit(
                [
                    draft(
                        event, .organization(id), version: standing.version, organization: id, by: caller,
                        texts: change.texts.isEmpty ? nil : texts)
                ], by: caller)
            return done.map { _ in true }
        }
    }

    /// Deletes an organization: its keys stop working with the answer.
    func delete(organization id: OrganizationID, by caller: Caller) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Change? in
            let standing = try await standing(of: .organization(id), in: "organizations")
            _ = try await permitted(id, .deleteOrganization, by: caller)
            return try await commit(
                [draft(OrganizationDeleted(), .organization(id), version: standing.version, organization: id, by: caller)],
                by: caller)
        }
    }

    /// The organization, when the caller may do this to it.
    ///
    /// - Parameter stranger: What whoever does not belong to it is told, the same as for one that does not exist.
    func permitted(
        _ id: OrganizationID, _ permission: Permission, by caller: Caller,
        stranger: WebError = .notFound("There is no such organization.")
    ) async throws(WebError) -> OrganizationRecord {
        guard let record = try await organization(id, for: caller.user) else { throw stranger }
        guard permission.isGranted(to: record.role) else { throw Self.notYours(record.role) }
        return record
    }

    static func notYours(_ role: MemberRole) -> WebError {
        WebError.forbidden("The role \(role.rawValue) does not permit this.")
    }

    /// What whoever names an organization in a body or a list that is not theirs is told.
    static let noAccess = WebError.forbidden("You have no access to this organization.")
    static let noProject = WebError.forbidden("You have no access to this project.")
}
