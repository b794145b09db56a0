import Ledger
import Postgres

package import struct FoundationEssentials.UUID

/// What admission reads of an event: its type and the few fields that the type needs, as text.
package struct AdmissionEvent: Sendable, Hashable {
    package let position: Int64
    package let organization: UUID?
    package let stream: UUID
    package let type: String
    package let fields: [String]

    /// The columns of a row of `select`, from `first` on.
    init(_ row: PostgresRow, first: Int = 0) throws(PostgresError) {
        position = try row.decode(first)
        organization = try row.decode(first + 1)
        stream = try row.decode(first + 2)
        type = try row.decode(first + 3)
        fields = try row.decode(first + 4)
    }

    package init(position: Int64, organization: UUID?, stream: UUID, type: String, fields: [String]) {
        self.position = position
        self.organization = organization
        self.stream = stream
        self.type = type
        self.fields = fields
    }

    /// The types that admission folds: those of `projection.json`.
    static let types = [
        "organization.created", "organization.updated", "organization.deleted",
        "project.created", "project.updated", "project.deleted",
        "api_key.created", "api_key.status_changed", "api_key.limit_changed", "api_key.expiry_changed", "api_key.rolled",
        "api_key.deleted",
        "iam_rule.created", "iam_rule.updated", "iam_rule.deleted",
        "member_rule.created", "member_rule.updated", "member_rule.deleted",
        "provider_key.created", "provider_key.updated", "provider_key.deleted",
        "credit.granted", "credit.topped_up", "credit.adjusted", "credit.refunded", "credit.expired",
        "credit.voided", "credit.frozen", "credit.unfrozen",
        "request.authorized", "request.voided", "request.completed", "request.failed", "request.cancelled", "request.abandoned",
        "request.settled_late", "admission.epoch_started",
    ]

    /// The newest schema version of all of them that is understood.
    static let schemaVersion: Int32 = 1

    /// The kinds of stream of which every event must be understood, and the types of theirs that change nothing in admission:
    /// `streams` of `projection.json`.
    static let streams: [StreamKind] = [.organization, .project, .apiKey, .providerKey, .credit, .request]
    static let passedOver = [
        "organization.referred", "organization.project_added", "organization.provider_key_added", "member.added",
        "member.role_changed", "member.removed", "member.invited", "member.invite_withdrawn", "project.key_added",
        "api_key.renamed", "request.denied",
    ]

    /// An SQL select of an organization's last event up to a position, of the types in an array; no row where there is none.
    ///
    /// Organization and position are compared and ordered as a pair, whose order only their own index has. By position alone a
    /// ledger of few organizations is read backwards as a whole, to find nothing for a new one.
    static func lastPosition(of organization: String, upto position: String, types: String) -> String {
        """
        SELECT e.position FROM ledger.events AS e
        WHERE (e.organization, e.position) > (\(organization), 0)
            AND (e.organization, e.position) <= (\(organization), \(position)) AND e.type = ANY (\(types))
        ORDER BY e.organization DESC, e.position DESC LIMIT 1
        """
    }

    /// An SQL select over `relation`, which has the columns of `ledger.events`.
    ///
    /// A field that an event leaves unchanged is `=`, one that it clears is the empty text; amounts stay text all the way.
    static func select(from relation: String) -> String {
        func change(_ name: String) -> String {
            "CASE WHEN data ? '\(name)' THEN coalesce(data ->> '\(name)', '') ELSE '=' END"
        }
        func value(_ name: String, _ missing: String = "") -> String { "coalesce(data ->> '\(name)', '\(missing)')" }
        let period = "coalesce(left(data -> 'period_limit' ->> 'unit', 1) || (data -> 'period_limit' ->> 'count'), '')"
        return """
            SELECT position, organization, stream_id, type,
                CASE type
                    WHEN 'request.authorized' THEN ARRAY[\(value("project")), \(value("api_key")), \(value("instance")),
                        \(value("admitted_at")), \(value("held"))]
                    WHEN 'organization.created' THEN ARRAY['active', \(value("strict"))]
                    WHEN 'organization.updated' THEN ARRAY[\(value("status", "=")), \(value("strict", "=")),
                        \(value("retention", "="))]
                    WHEN 'project.created' THEN ARRAY['active', \(value("usage_limit"))]
                    WHEN 'project.updated' THEN ARRAY[\(value("status", "=")), \(change("usage_limit"))]
                    WHEN 'api_key.created' THEN ARRAY[\(value("token_sha256")), \(value("status", "active")),
                        \(value("usage_limit")), \(value("expires_at")), \(value("requests_per_minute")),
                        \(value("tokens_per_minute")), \(period), coalesce(data -> 'period_limit' ->> 'amount', '')]
                    WHEN 'api_key.status_changed' THEN ARRAY[\(value("status"))]
                    WHEN 'api_key.limit_changed' THEN ARRAY[\(change("usage_limit")), \(change("requests_per_minute")),
                        \(change("tokens_per_minute")), CASE WHEN data ? 'period_limit' THEN \(period) ELSE '=' END,
                        coalesce(data -> 'period_limit' ->> 'amount', '')]
                    WHEN 'api_key.expiry_changed' THEN ARRAY[\(change("expires_at"))]
                    WHEN 'api_key.rolled' THEN ARRAY[\(value("token_sha256"))]
                    ELSE CASE
                        WHEN type LIKE 'request.%' THEN ARRAY[\(value("project")), \(value("api_key")), \(value("charged")),
                            \(value("admitted_at"))]
                        WHEN type LIKE 'credit.%' THEN ARRAY[\(value("amount"))]
                        ELSE ARRAY[]::text[]
                    END
                END AS fields
            FROM \(relation)
            """
    }
}
