public import Ledger

/// What an operator does with organizations on the command line; what people do by routes is in `OrganizationCommands`.
extension Management {
    /// An organization that was made.
    public struct CreatedOrganization: Sendable {
        public let id: OrganizationID
        public let change: Change
    }

    /// Creates an organization.
    ///
    /// - Parameters:
    ///   - name: 1 to 255 characters; kept beside the ledger.
    ///   - isStrict: A request is charged at most what was held for it (the default); plain mode charges in full.
    public func createOrganization(name: String, isStrict: Bool = true) async throws(ManagementError) -> CreatedOrganization {
        let name = try checkName(name)
        let id = OrganizationID.mint()
        let event = try newEvent(
            OrganizationCreated(plan: "free", strict: isStrict), stream: .organization(id), expectedVersion: 0, organization: id)
        return CreatedOrganization(id: id, change: try await append(event, named: name))
    }

    /// Says whether the bodies of the organization's requests are kept beside the ledger until retention forgets them.
    public func setRetention(organization: OrganizationID, isRetained: Bool) async throws(ManagementError) -> Change {
        let version = try await requireOrganization(organization)
        return try await append(
            newEvent(
                OrganizationUpdated(retention: isRetained ? "retain" : "none"), stream: .organization(organization),
                expectedVersion: version, organization: organization))
    }

    /// Deletes an organization, unless it is deleted already, and has what lies beside its events erased: names and credentials
    /// with this call, bodies and annotations of its requests by a serving process.
    public func eraseOrganization(_ id: OrganizationID) async throws(ManagementError) -> Change {
        guard let last = try await last(of: .organization(id)) else {
            throw .notFound("organization", "There is no organization \(id).")
        }
        var change = Change(position: last.position, isApplied: true)
        if last.type != OrganizationDeleted.type {
            change = try await append(
                newEvent(
                    OrganizationDeleted(), stream: .organization(id), expectedVersion: last.streamVersion, organization: id))
        }
        do { try await erase(organization: id) } catch {
            throw ManagementError(code: .unavailable, field: nil, message: "The database could not be reached: \(error)")
        }
        return change
    }

    /// The version of an organization's stream.
    ///
    /// - Parameter isOpen: Whether one that was deleted won't do: its books stay, and may have to be put right.
    /// - Throws: `notFound` when there is no such organization or it was deleted.
    @discardableResult
    func requireOrganization(_ id: OrganizationID, isOpen: Bool = true) async throws(ManagementError) -> Int64 {
        guard let last = try await last(of: .organization(id)) else {
            throw .notFound("organization", "There is no organization \(id).")
        }
        guard !isOpen || last.type != OrganizationDeleted.type else {
            throw .notFound("organization", "The organization \(id) is closed.")
        }
        return last.streamVersion
    }
}
