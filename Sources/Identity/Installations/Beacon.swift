internal import FoundationEssentials
internal import Hummingbird
internal import Ledger
internal import Postgres
internal import Web

/// What an installation tells of itself. Anybody may send it, so it is bounded, counted by address, and believed by nobody.
private struct Beacon: Decodable, Sendable {
    let uuid: String
    let type: String
    let timestamp: String
    let version: String
    let providers: [String]

    func checked() throws(IdentityError) -> (id: UUID, toldAt: Timestamp) {
        guard let id = UUID(uuidString: uuid) else { throw .invalid("uuid", "uuid must be a UUID.") }
        guard let toldAt = Timestamp(iso8601: timestamp) else {
            throw .invalid("timestamp", "timestamp must be a time in ISO 8601, such as 2026-11-24T20:33:40Z.")
        }
        for (field, text) in [("type", type), ("version", version)] where !Self.isName(text) {
            throw .invalid(field, "\(field) must be 1 to 64 characters without control characters.")
        }
        guard providers.count <= 200 else { throw .invalid("providers", "providers must be at most 200.") }
        for (index, provider) in providers.enumerated() where !Self.isName(provider) {
            throw .invalid("providers.\(index)", "A provider must be 1 to 64 characters without control characters.")
        }
        return (id, toldAt)
    }

    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.unicodeScalars.count) && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }
}

extension IdentityRoutes {
    /// `POST /beacon`: keeps that an installation runs.
    func registerBeacon(on router: Router<WebContext>) {
        on(.post, "/beacon", router) { request, context in
            let beacon = try await WebBody.read(Beacon.self, from: request, upTo: WebBody.smallBytes)
            let (id, toldAt) = try beacon.checked()
            let limit = identity.configuration.limits.beaconOfAddress
            try await identity.count(Identity.Attempt("beacon address", limit, address: context.clientAddress))
            try await identity.database {
                try await identity.postgres.query(
                    """
                    WITH forgotten AS (
                        DELETE FROM identity.installations WHERE ctid = ANY (ARRAY(
                            SELECT ctid FROM identity.installations WHERE last_seen < clock_timestamp() - interval '1 year'
                            LIMIT 10 FOR UPDATE SKIP LOCKED))
                    )
                    INSERT INTO identity.installations AS i (id, type, version, providers, told_at)
                    VALUES ($1, $2, $3, $4, $5)
                    ON CONFLICT (id) DO UPDATE SET
                        type = excluded.type, version = excluded.version, providers = excluded.providers,
                        told_at = excluded.told_at, last_seen = clock_timestamp()
                    """,
                    [
                        .uuid(id), .text(beacon.type), .text(beacon.version), .textArray(beacon.providers),
                        .timestamptz(toldAt.microseconds),
                    ])
            }
            return .json(["success": true, "message": "Beacon received"])
        }
    }
}
