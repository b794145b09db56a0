internal import Ledger
internal import Postgres
internal import Web

/// A provider key as the read model has it; the credential is nowhere in it.
struct ProviderKeyRecord: Sendable {
    let id: ProviderKeyID
    let organization: OrganizationID
    let provider: String
    let name: String?
    let baseURL: String?
    /// JSON.
    let options: [UInt8]?
    let place: Int64
    let status: String
    let mask: String?
    let createdAt: Timestamp
    let updatedAt: Timestamp
    /// The reader's role in the organization.
    let role: MemberRole

    var isDeleted: Bool { status == "deleted" }

    var json: WebValue {
        [
            "id": .id(id), "createdAt": .time(createdAt), "updatedAt": .time(updatedAt), "provider": .string(provider),
            "name": .string(optional: name), "baseUrl": .string(optional: baseURL), "options": options.map(WebValue.raw) ?? .null,
            "status": .string(status), "organizationId": .id(organization),
            "maskedToken": .string(mask ?? String(repeating: "\u{2022}", count: 8)), "order": .integer(place),
        ]
    }
}

extension Management {
    private static let providerKeyColumns = """
        SELECT k.provider_key, k.organization, k.provider, k.name, k.base_url, k.options, k.place, k.status, s.mask, k.created_at,
            k.updated_at, m.role
        FROM organizations.members AS m
        JOIN organizations.organizations AS o ON o.organization = m.organization AND o.status <> 'deleted'
        JOIN provider_keys.keys AS k ON k.organization = o.organization
        LEFT JOIN management.provider_secrets AS s USING (provider_key)
        WHERE m.user_id = $1
        """

    /// The provider keys of a person's organizations or of one, deleted ones too, in the order in which they are tried.
    func providerKeys(
        of organization: OrganizationID? = nil, for user: UserID
    ) async throws(WebError) -> [ProviderKeyRecord] {
        try await rows(
            Self.providerKeyColumns + """
                 AND ($2::uuid IS NULL OR k.organization = $2)
                ORDER BY k.organization, k.provider, k.place, k.created_at, k.provider_key
                """,
            [.uuid(user.uuid), organization.map { .uuid($0.uuid) } ?? .null], ProviderKeyRecord.init)
    }

    /// The provider key, when the caller may do this to it; a deleted one is not there.
    func permitted(
        _ id: ProviderKeyID, _ permission: Permission, by caller: Caller
    ) async throws(WebError) -> ProviderKeyRecord {
        let found = try await rows(
            Self.providerKeyColumns + " AND k.provider_key = $2", [.uuid(caller.user.uuid), .uuid(id.uuid)],
            ProviderKeyRecord.init
        ).first
        guard let record = found, !record.isDeleted else {
            throw WebError.notFound("There is no such provider key.")
        }
        guard permission.isGranted(to: record.role) else { throw Self.notYours(record.role) }
        return record
    }
}

extension ProviderKeyRecord {
    init(_ row: PostgresRow) throws {
        let created: PostgresTimestamp = try row.decode(9)
        let updated: PostgresTimestamp = try row.decode(10)
        self.init(
            id: ProviderKeyID(uuid: try row.decode(0)), organization: OrganizationID(uuid: try row.decode(1)),
            provider: try row.decode(2), name: try row.decode(3), baseURL: try row.decode(4), options: try row.decode(5),
            place: try row.decode(6), status: try row.decode(7), mask: try row.decode(8),
            createdAt: Timestamp(microseconds: created.microseconds), updatedAt: Timestamp(microseconds: updated.microseconds),
            role: MemberRole(rawValue: try row.decode(11)) ?? .developer)
    }
}
