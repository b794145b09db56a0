public import Ledger
public import Money
internal import Postgres

import struct FoundationEssentials.UUID

/// A posting as the journal shows it.
public struct JournalEntry: Sendable {
    public let position: Int64
    public let line: Int64
    public let occurredAt: Timestamp
    public let organization: OrganizationID
    public let account: String
    /// Debit above zero, credit below.
    public let amount: NanoDollars
}

/// What an account holds.
public struct TrialBalance: Sendable {
    public let account: String
    /// Debits less credits, over all organizations.
    public let balance: NanoDollarSum
    public let postings: Int64
}

extension Finance {
    /// Postings in the order of the ledger, of one organization or of all.
    ///
    /// - Parameters:
    ///   - after: The position and line of the last that was read.
    ///   - upTo: The last position.
    /// - Throws: `notFound` for an organization that the ledger does not know: its books would look empty.
    public func journal(
        of organization: OrganizationID?, account: Account?, after: (position: Int64, line: Int64), upTo: Int64, limit: Int64
    ) async throws(FinanceError) -> [JournalEntry] {
        if let organization { try await require(organization) }
        try await wait(for: "journal", upTo: upTo)
        return try await rows(
            """
            SELECT position, line::bigint, occurred_at, organization, account, amount FROM journal.postings
            WHERE position >= $1 AND (position, line) > ($1, $2) AND position <= $3
                AND ($4::uuid IS NULL OR organization = $4) AND ($5::text IS NULL OR account = $5)
            ORDER BY position, line LIMIT $6
            """,
            [
                .int8(after.position), .int8(after.line), .int8(upTo), organization.map { .uuid($0.uuid) } ?? .null,
                account.map { .text($0.rawValue) } ?? .null, .int8(limit),
            ]
        ) { row in
            let occurred: PostgresTimestamp = try row.decode(2)
            return JournalEntry(
                position: try row.decode(0), line: try row.decode(1),
                occurredAt: Timestamp(microseconds: occurred.microseconds),
                organization: OrganizationID(uuid: try row.decode(3)), account: try row.decode(4),
                amount: NanoDollars(try row.decode(5, as: Int64.self)))
        }
    }

    /// What every account holds after a position: the balances sum to zero.
    public func trialBalance(upTo position: Int64) async throws(FinanceError) -> [TrialBalance] {
        try await wait(for: "journal", upTo: position)
        return try await rows(
            """
            SELECT account, sum(amount), count(*) FROM journal.postings WHERE position <= $1 GROUP BY account ORDER BY account
            """, [.int8(position)], deadline: .seconds(600)
        ) { row in
            let sum: PostgresNumeric = try row.decode(1)
            guard let balance = Int128(sum.text) else { throw FinanceError(.unavailable, "\(sum.text) is no sum of amounts.") }
            return TrialBalance(
                account: try row.decode(0), balance: NanoDollarSum(balance), postings: try row.decode(2))
        }
    }
}
