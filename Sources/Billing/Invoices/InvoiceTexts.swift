internal import Ledger
internal import Postgres
internal import Web

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import class FoundationEssentials.JSONEncoder

extension Billing {
    /// An invoice that is to be issued. Who issues it and whom it is for, as it is now, is kept beside the ledger: an invoice
    /// does not change with an address, and can be forgotten with a person.
    func invoice(_ data: InvoiceIssued, for organization: OrganizationID) async throws(WebError) -> NewEvent {
        let found = try await rows(
            """
            SELECT t.body FROM organizations.organizations AS o LEFT JOIN management.texts AS t ON t.event = o.texts
            WHERE o.organization = $1
            """, [.uuid(organization.uuid)]
        ) { try Self.texts($0, 0) }
        var texts = (found.first ?? [:]).filter { $0.key != "billingNotes" }
        texts["seller"] = configuration.seller
        let event = try event(data, .invoices, version: nil, organization: organization)
        do {
            _ = try await postgres.query(
                "INSERT INTO management.texts (event, organization, body) VALUES ($1, $2, $3) ON CONFLICT (event) DO NOTHING",
                [.uuid(event.id.uuid), .uuid(organization.uuid), .jsonb(Array(try JSONEncoder().encode(texts)))])
        } catch {
            throw Self.away
        }
        return event
    }

    static func texts(_ row: PostgresRow, _ column: Int) throws -> [String: String] {
        let body: [UInt8]? = try row.decode(column)
        guard let body else { return [:] }
        return try JSONDecoder().decode([String: String].self, from: Data(body))
    }
}
