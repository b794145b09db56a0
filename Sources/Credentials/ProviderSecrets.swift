public import Ledger
public import Postgres

import struct FoundationEssentials.UUID

/// The encrypted credentials of provider keys, beside the ledger.
public struct ProviderSecrets: Sendable {
    private let postgres: PostgresClient
    private let keys: EncryptionKeys

    public init(postgres: PostgresClient, keys: EncryptionKeys) {
        self.postgres = postgres
        self.keys = keys
    }

    /// Stores the credential of a provider key that is about to be made.
    ///
    /// - Throws: `PostgresError`.
    public func put(
        _ credential: ProviderCredential, for provider: ProviderKeyID, of organization: OrganizationID
    ) async throws {
        _ = try await postgres.query(
            "INSERT INTO management.provider_secrets (provider_key, organization, ciphertext, mask) VALUES ($1, $2, $3, $4)",
            [
                .uuid(provider.uuid), .uuid(organization.uuid),
                .bytea(try keys.seal(credential.secret, for: provider, of: organization)), .text(credential.mask),
            ])
    }

    /// Forgets the credential of a provider key.
    ///
    /// - Throws: `PostgresError`.
    public func remove(_ provider: ProviderKeyID) async throws {
        _ = try await postgres.query(
            "DELETE FROM management.provider_secrets WHERE provider_key = $1", [.uuid(provider.uuid)])
    }

    /// Forgets what belongs to provider keys that were deleted, or to organizations that were.
    ///
    /// - Throws: `PostgresError`.
    public func sweep() async throws {
        _ = try await postgres.query(
            """
            DELETE FROM management.provider_secrets AS s
            USING provider_keys.keys AS k LEFT JOIN organizations.organizations AS o USING (organization)
            WHERE k.provider_key = s.provider_key AND (k.status = 'deleted' OR o.status = 'deleted')
            """, [])
    }

    /// The credential that a row of the table holds.
    ///
    /// - Throws: `EncryptionKeys.Failure`.
    public func credential(
        _ ciphertext: [UInt8], for provider: ProviderKeyID, of organization: OrganizationID
    ) throws(EncryptionKeys.Failure) -> ProviderCredential {
        guard let credential = ProviderCredential(try keys.open(ciphertext, for: provider, of: organization)) else {
            throw .tampered
        }
        return credential
    }

    /// How far a rotation is.
    public struct Rotation: Sendable, Hashable {
        /// Credentials that were encrypted anew.
        public var rotated: Int64 = 0
        /// Those that can't be read with the keys at hand, and were left as they are.
        public var unreadable: Int64 = 0
        /// Those that were encrypted with another key than the newest when it began.
        public var total: Int64 = 0
    }

    /// Encrypts with the newest key what is encrypted with an older one; afterwards the older ones can be thrown away, unless
    /// something was unreadable. Interrupting it loses nothing.
    ///
    /// - Parameter progress: Called after each batch.
    /// - Throws: `PostgresError`.
    public func rotate(progress: (Rotation) -> Void = { _ in }) async throws -> Rotation {
        var rotation = Rotation()
        rotation.total =
            try await postgres.query(
                "SELECT count(*) FROM management.provider_secrets WHERE substring(ciphertext FROM 2 FOR 4) <> $1",
                [.bytea(keys.newest)]
            ).first?.decode(0) ?? 0
        var last = ProviderKeyID(uuid: Self.zero)
        while true {
            let rows = try await postgres.query(
                """
                SELECT provider_key, organization, ciphertext FROM management.provider_secrets
                WHERE provider_key > $1 AND substring(ciphertext FROM 2 FOR 4) <> $2 ORDER BY provider_key LIMIT 100
                """, [.uuid(last.uuid), .bytea(keys.newest)])
            if rows.isEmpty { return rotation }
            for row in rows {
                let provider = ProviderKeyID(uuid: try row.decode(0))
                let organization = OrganizationID(uuid: try row.decode(1))
                let old: [UInt8] = try row.decode(2)
                last = provider
                guard let credential = try? credential(old, for: provider, of: organization) else {
                    rotation.unreadable += 1
                    continue
                }
                // Only over what was read: a key that is deleted meanwhile stays deleted.
                _ = try await postgres.query(
                    "UPDATE management.provider_secrets SET ciphertext = $3 WHERE provider_key = $1 AND ciphertext = $2",
                    [
                        .uuid(provider.uuid), .bytea(old),
                        .bytea(try keys.seal(credential.secret, for: provider, of: organization)),
                    ])
                rotation.rotated += 1
            }
            progress(rotation)
        }
    }

    private static let zero = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
}
