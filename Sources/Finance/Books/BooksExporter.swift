public import Ledger
internal import Money
public import Postgres
internal import Synchronization

import struct FoundationEssentials.UUID

/// Writes the journal in the formats of plain-text accounting, with assertions of every balance at each month's end and at the
/// end, each with the chain's hash up to there: whoever has a seal can tell that nothing was left out.
public struct BooksExporter: Sendable {
    private static let positions: Int64 = 65_536

    private let finance: Finance
    private let postgres: PostgresClient

    public init(postgres: PostgresClient) {
        finance = Finance(postgres: postgres)
        self.postgres = postgres
    }

    /// Exports all postings up to a position.
    ///
    /// - Parameters:
    ///   - organization: Only the books of one; nil is all.
    ///   - position: nil is the ledger's end as it is now.
    ///   - write: Takes whole lines.
    /// - Returns: The position, and how many events had postings.
    /// - Throws: ``FinanceError``, `PostgresError`, and what `write` throws.
    @concurrent
    public func run(
        _ format: BooksFormat, organization: OrganizationID? = nil, upTo position: Int64? = nil,
        write: @concurrent ([UInt8]) async throws -> Void
    ) async throws -> (position: Int64, events: Int) {
        if let organization { try await finance.require(organization) }
        let head = try await finance.head()
        let end = min(position ?? head, head)
        try await finance.wait(for: "journal", upTo: end)
        let ledger = try await LedgerReader(postgres).ledgerID()?.lowercase ?? ""
        var run = Run(BooksWriter(format))
        run.writer.header(ledger: ledger, position: end, chain: try await chain(at: end))
        var after: Int64 = 0
        while after < end {
            let last = min(after + Self.positions, end)
            for postings in try await postings(after: after, upTo: last, organization: organization) {
                if let month = run.month, postings[0].date.prefix(7) != month {
                    // Everything before this event is in the balances, and its month is over.
                    let before = postings[0].position - 1
                    run.assert("\(postings[0].date.prefix(7))-01", position: before, chain: try await chain(at: before))
                }
                run.add(postings)
                if run.writer.text.count >= 64 * 1024 { try await write(run.writer.take()) }
            }
            after = last
        }
        if let date = run.date {
            run.assert(Self.day(after: date), position: end, chain: try await chain(at: end))
        }
        try await write(run.writer.take())
        return (end, run.events)
    }

    private struct Run {
        var writer: BooksWriter
        var balances: [String: NanoDollarSum] = [:]
        var date: String?
        var events = 0

        init(_ writer: BooksWriter) { self.writer = writer }

        var month: Substring? { date?.prefix(7) }

        mutating func add(_ postings: [Posting]) {
            for posting in postings { balances[posting.name, default: NanoDollarSum()].add(posting.amount) }
            date = postings.last?.date
            events += 1
            writer.transaction(postings)
        }

        mutating func assert(_ date: String, position: Int64, chain: String) {
            writer.assertions(date, balances, position: position, chain: chain)
        }
    }

    /// The postings of a range of positions, those of an event together.
    private func postings(
        after: Int64, upTo: Int64, organization: OrganizationID?
    ) async throws(FinanceError) -> [[Posting]] {
        let found = try await finance.rows(
            """
            SELECT p.position, to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), e.type, p.organization, p.account, p.amount
            FROM journal.postings AS p JOIN ledger.events AS e ON e.position = p.position
            WHERE p.position > $1 AND p.position <= $2 AND ($3::uuid IS NULL OR p.organization = $3)
            ORDER BY p.position, p.line
            """, [.int8(after), .int8(upTo), organization.map { .uuid($0.uuid) } ?? .null], deadline: .seconds(600)
        ) { row in
            let name: String = try row.decode(4)
            guard let account = Account(rawValue: name) else {
                throw FinanceError(.unknownEvent, "The account \(name) is not known to this program; update it.")
            }
            return Posting(
                position: try row.decode(0), date: try row.decode(1), type: try row.decode(2),
                organization: OrganizationID(uuid: try row.decode(3)), account: account,
                amount: NanoDollars(try row.decode(5, as: Int64.self)))
        }
        var events: [[Posting]] = []
        for posting in found {
            if events.last?.first?.position == posting.position {
                events[events.count - 1].append(posting)
            } else {
                events.append([posting])
            }
        }
        return events
    }

    /// The chain's hash at a position, in hexadecimal.
    private func chain(at position: Int64) async throws(FinanceError) -> String {
        try await finance.rows(
            "SELECT encode(hash, 'hex') FROM ledger.events WHERE position = $1", [.int8(position)],
            { try $0.decode(0, as: String.self) }
        ).first ?? ""
    }

    private static func day(after date: String) -> String {
        guard let time = Timestamp(iso8601: date + "T00:00:00Z") else { return date }
        return String(time.advanced(by: .seconds(86_400)).iso8601.prefix(10))
    }
}
