public import Ledger
internal import Money
public import Postgres

/// Closes calendar months (UTC). What was recorded in a month is fixed with it: a correction is a later event.
public struct PeriodClose: Sendable {
    private let finance: Finance
    private let postgres: PostgresClient
    private let appender: Appender

    public init(postgres: PostgresClient, appender: Appender) {
        finance = Finance(postgres: postgres)
        self.postgres = postgres
        self.appender = appender
    }

    /// A month that is closed, and whether the books still say so.
    public struct Closed: Sendable {
        public let position: Int64
        public let data: PeriodClosed
        /// Whether the journal adds up to the same balances, and the chain has the same hash.
        public let isSound: Bool
    }

    /// Closes a month that is over.
    ///
    /// - Parameter period: `2026-10`.
    /// - Returns: What the books held; the same for a month that was closed before.
    /// - Throws: `invalid` for a month that is not over or not one, `unavailable` when the ledger can't be reached.
    public func close(_ period: String) async throws(FinanceError) -> PeriodClosed {
        guard let end = Self.end(of: period) else {
            throw FinanceError(.invalid, field: "period", "The period must be a month such as 2026-10.")
        }
        let now = try await finance.rows("SELECT clock_timestamp()") { try $0.decode(0, as: PostgresTimestamp.self).microseconds }
        guard let now = now.first, now >= end.microseconds else {
            throw FinanceError(.invalid, field: "period", "\(period) is not over.")
        }
        if let closed = try await closed().first(where: { $0.data.period == period }) { return closed.data }
        let position = try await finance.position(at: Timestamp(microseconds: end.microseconds - 1))
        guard position > 0 else { throw FinanceError(.invalid, field: "period", "The ledger begins after \(period).") }
        guard let accounts = try await accounts(at: position) else {
            throw FinanceError(.invalid, field: "period", "An account held more in \(period) than the event can say.")
        }
        let data = PeriodClosed(period: period, position: position, chain: try await chain(at: position), accounts: accounts)
        do {
            guard let ledger = try await LedgerReader(postgres).ledgerID() else {
                throw FinanceError(.notFound, "The database holds no ledger.")
            }
            let event = try NewEvent(
                data, id: PeriodClosed.id(of: period), stream: StreamName(kind: .ledger, id: ledger), expectedVersion: nil,
                organization: nil, metadata: EventMetadata(source: "cli"))
            _ = try await appender.append(Command(event))
        } catch {
            throw FinanceError(.unavailable, "The close could not be recorded: \(error)")
        }
        // Of two at the same moment the first one stands; they say the same.
        return try await closed().first { $0.data.period == period }?.data ?? data
    }

    /// The months that are closed, in order.
    public func closed() async throws(FinanceError) -> [Closed] {
        let events: [RecordedEvent]
        do {
            events = try await LedgerReader(postgres).events(
                limit: 10_000, filter: EventFilter(streamKind: .ledger, types: [PeriodClosed.type]))
        } catch {
            throw FinanceError(.unavailable, "The ledger could not be read: \(error)")
        }
        var closed: [Closed] = []
        for event in events {
            let data: PeriodClosed
            do throws(EventError) { data = try event.decode(PeriodClosed.self) } catch {
                throw FinanceError(.unknownEvent, "The event at position \(event.position) can't be read: \(error)")
            }
            let hash = try await chain(at: data.position)
            let accounts = try await accounts(at: data.position)
            let isSound = hash == data.chain && accounts == data.accounts
            closed.append(Closed(position: event.position, data: data, isSound: isSound))
        }
        return closed
    }

    /// - Returns: nil where an account holds more than 64 bits do.
    private func accounts(at position: Int64) async throws(FinanceError) -> [PeriodClosed.Account]? {
        let found = try await finance.trialBalance(upTo: position)
        let accounts = found.compactMap { account in
            NanoDollars(exactly: account.balance).map { PeriodClosed.Account(account: account.account, balance: $0) }
        }
        return accounts.count == found.count ? accounts : nil
    }

    private func chain(at position: Int64) async throws(FinanceError) -> String {
        try await finance.rows("SELECT encode(hash, 'hex') FROM ledger.events WHERE position = $1", [.int8(position)]) {
            try $0.decode(0, as: String.self)
        }.first ?? ""
    }

    /// When a month ends; nil for what is no month.
    static func end(of period: String) -> Timestamp? {
        let parts = period.split(separator: "-", omittingEmptySubsequences: false)
        guard period.utf8.count == 7, parts.count == 2, let year = Int(parts[0]), let month = Int(parts[1]),
            (1...12).contains(month), (1970...9998).contains(year)
        else { return nil }
        let next = month == 12 ? (year + 1, 1) : (year, month + 1)
        func digits(_ number: Int, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: count - text.count) + text
        }
        return Timestamp(iso8601: "\(digits(next.0, 4))-\(digits(next.1, 2))-01T00:00:00Z")
    }
}
