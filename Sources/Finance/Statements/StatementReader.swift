public import Ledger
public import Money
internal import Postgres

import struct FoundationEssentials.UUID

extension Finance {
    /// Opens a statement.
    ///
    /// - Parameters:
    ///   - from: What was recorded after this moment; nil is from the beginning.
    ///   - to: What was recorded at or before this moment; nil is up to now. A moment that has passed gives the same for ever.
    public func statement(
        of organization: OrganizationID, from: Timestamp?, to: Timestamp?
    ) async throws(FinanceError) -> Statement {
        if let from, let to, from > to { throw FinanceError(.invalid, field: "from", "from must not be after to.") }
        var after: Int64 = 0
        if let from { after = try await position(at: from) }
        let upTo: Int64
        if let to { upTo = try await position(at: to) } else { upTo = try await head() }
        return Statement(
            organization: organization, after: after, upTo: upTo,
            opening: try await balance(of: organization, .position(after)),
            closing: try await balance(of: organization, .position(upTo)))
    }

    /// Movements of a statement, in order.
    ///
    /// - Parameters:
    ///   - after: The position of the last movement that was read, with the balance after it; nil begins.
    ///   - limit: At most so many.
    public func movements(
        of statement: Statement, after: (position: Int64, balance: NanoDollars)? = nil, limit: Int64
    ) async throws(FinanceError) -> [Statement.Movement] {
        let begin = after ?? (statement.after, statement.opening.balance)
        return try await rows(
            Self.movements(running: "$4::bigint + sum(amount) OVER (ORDER BY position)") + " LIMIT $5",
            [
                .uuid(statement.organization.uuid), .int8(begin.position), .int8(statement.upTo), .int8(begin.balance.rawValue),
                .int8(limit),
            ]
        ) { row in
            let kind: String = try row.decode(4)
            let id: UUID = try row.decode(5)
            let recorded: PostgresTimestamp = try row.decode(2)
            let occurred: PostgresTimestamp = try row.decode(3)
            return Statement.Movement(
                position: try row.decode(0), event: EventID(uuid: try row.decode(1)),
                recordedAt: Timestamp(microseconds: recorded.microseconds),
                occurredAt: Timestamp(microseconds: occurred.microseconds), type: try row.decode(6),
                stream: StreamKind(rawValue: kind).map { StreamName(kind: $0, id: id).description } ?? "\(kind)/\(id)",
                amount: NanoDollars(try row.decode(7, as: Int64.self)), balance: NanoDollars(try row.decode(8, as: Int64.self)))
        }
    }

    /// Writes all movements of a statement as CSV, as fast as the database gives them, and as ``Statement/Movement/values`` has them.
    ///
    /// - Parameter write: Takes whole lines, the first of them the names of the columns.
    public func exportCSV(_ statement: Statement, write: @escaping @Sendable ([UInt8]) throws -> Void) async throws {
        let (organization, after) = (statement.organization.uuid, statement.after)
        let (upTo, opening) = (statement.upTo, statement.opening.balance.rawValue)
        // COPY takes no parameters: what stands in their place are an id and numbers of this program's own.
        let rows = Self.movements(running: "\(opening) + sum(amount) OVER (ORDER BY position)")
            .replacing("$1", with: "'\(organization)'::uuid").replacing("$2", with: "\(after)")
            .replacing("$3", with: "\(upTo)")
        let copy = """
            COPY (
                SELECT position, 'evt_' || ledger.base62(id) AS event, \(Self.shown("recorded_at")), \(Self.shown("occurred_at")),
                    ledger.stream_name(stream_kind, stream_id) AS stream, type,
                    trim_scale(amount * 0.000000001) AS amount, trim_scale(balance * 0.000000001) AS balance
                FROM (\(rows)) AS m
            ) TO STDOUT (FORMAT csv, HEADER)
            """
        try await postgres.withConnection { connection in
            try await connection.copyOut(copy, deadline: .seconds(24 * 3600), body: write)
        }
    }

    /// A time as ``Timestamp/iso8601``.
    private static func shown(_ column: String) -> String {
        #"to_char(\#(column) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS \#(column)"#
    }

    /// What changes an organization's balance, in order: `$1` the organization, `$2` and `$3` the positions.
    private static func movements(running balance: String) -> String {
        """
        SELECT position, id, recorded_at, occurred_at, stream_kind, stream_id, type, amount, (\(balance))::bigint AS balance
        FROM (
            SELECT
                position, id, recorded_at, occurred_at, stream_kind, stream_id, type,
                CASE
                    WHEN stream_kind = 'request' THEN - (data ->> 'charged')::bigint
                    WHEN type IN ('credit.granted', 'credit.topped_up', 'credit.adjusted', 'credit.unfrozen')
                        THEN (data ->> 'amount')::bigint
                    ELSE - (data ->> 'amount')::bigint
                END AS amount
            FROM ledger.events
            WHERE organization = $1 AND position > $2 AND position <= $3 AND stream_kind IN ('credit', 'request')
                AND type NOT IN ('request.authorized', 'request.voided', 'request.denied')
        ) AS e
        WHERE amount <> 0
        ORDER BY position
        """
    }
}
