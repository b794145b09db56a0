import Foundation
import Ledger
import Money
import Synchronization
import TestSupport
import Testing

@testable import Finance

@Suite struct BooksTests {
    @Test func everyAccountOfTheJournalIsKnown() async throws {
        try await World.run("accounts", events: 4_000) { world in
            let found = try await world.finance.trialBalance(upTo: world.finance.head())
            #expect(found.reduce(Int128(0)) { $0 + $1.balance.rawValue } == 0)
            for account in found { #expect(Account(rawValue: account.account) != nil, "\(account.account)") }
            #expect(found.count >= Account.allCases.count - 2, "the history has too little in it: \(found.map(\.account))")
        }
    }

    @Test(arguments: BooksFormat.allCases) func anExportHasEveryPosting(_ format: BooksFormat) async throws {
        try await World.run("books", events: 2_500) { world in
            let bytes = Mutex([UInt8]())
            let done = try await BooksExporter(postgres: world.database.client).run(format) { chunk in
                bytes.withLock { $0 += chunk }
            }
            let text = String(decoding: bytes.withLock { $0 }, as: UTF8.self)
            #expect(done.position == world.events.last?.position)
            let postings = try await world.database.text("SELECT count(*)::text FROM journal.postings")
            let lines = text.split(separator: "\n")
            switch format {
            case .csv: #expect(lines.count == Int(postings).map { $0 + 1 })
            case .beancount:
                #expect(lines.count { $0.hasPrefix("    ") } == Int(postings))
                #expect(lines.count { $0.contains(" balance ") } > 5 && lines.count { $0.contains(" custom ") } >= 1)
            case .ledger:
                #expect(lines.count { $0.hasPrefix("    ") && $0.hasSuffix("USD") && !$0.contains(" = ") } == Int(postings))
            }
            let head = try #require(world.events.last)
            let hash = head.hash.map { String(format: "%02x", $0) }.joined()
            if format != .csv { #expect(text.contains(hash)) }
        }
    }

    /// Each organization's credits fit 64 bits, and those of two together don't.
    @Test func theBooksOfAllMayHoldMoreThanAnAmount() async throws {
        try await LedgerDatabase.with { database in
            for _ in 1...2 {
                let organization = OrganizationID.mint()
                try await database.append([
                    NewEvent(
                        CreditGranted(grant: .mint(), kind: .promotional, amount: NanoDollars(.max)),
                        stream: .credit(organization),
                        expectedVersion: nil, organization: organization)
                ])
            }
            try await World.project("journal", database)
            let finance = Finance(postgres: database.client)
            let totals = try await finance.trialBalance(upTo: finance.head())
            #expect(
                totals.map(\.values) == [
                    ["customer_credits", "-18446744073.709551614", "2"], ["promotions", "18446744073.709551614", "2"],
                ])
            for format in BooksFormat.allCases {
                let bytes = Mutex([UInt8]())
                let done = try await BooksExporter(postgres: database.client).run(format) { chunk in
                    bytes.withLock { $0 += chunk }
                }
                let text = String(decoding: bytes.withLock { $0 }, as: UTF8.self)
                #expect(done.events == 2)
                #expect(format == .csv || text.contains("18446744073.709551614"))
            }
        }
    }

    @Test func theJournalIsReadInPages() async throws {
        try await World.run("journal", events: 800) { world in
            let head = try await world.finance.head()
            let organization = try #require(world.organizations.first)
            for (who, account) in [(nil, nil), (organization, nil), (organization, .customerCredits)]
                as [(OrganizationID?, Account?)]
            {
                var all: [JournalEntry] = []
                var after: (position: Int64, line: Int64) = (0, .max)
                while true {
                    let page = try await world.finance.journal(of: who, account: account, after: after, upTo: head, limit: 13)
                    guard let last = page.last else { break }
                    all += page
                    after = (last.position, last.line)
                }
                let count = try await world.database.text(
                    """
                    SELECT count(*)::text FROM journal.postings
                    WHERE true \(who.map { "AND organization = '\($0.uuid)'" } ?? "") \(account.map { "AND account = '\($0.rawValue)'" } ?? "")
                    """)
                #expect(String(all.count) == count)
                #expect(Set(all.map { "\($0.position) \($0.line)" }).count == all.count)
            }
        }
    }

    /// Whose id is mistyped has no books; empty ones would pass for theirs.
    @Test func whoIsNotKnownHasNoBooks() async throws {
        try await World.run("nobody", events: 50) { world in
            let head = try await world.finance.head()
            let journal = await #expect(throws: FinanceError.self) {
                try await world.finance.journal(of: .mint(), account: nil, after: (0, .max), upTo: head, limit: 1)
            }
            let export = await #expect(throws: FinanceError.self) {
                try await BooksExporter(postgres: world.database.client).run(.beancount, organization: .mint()) { _ in }
            }
            for error in [journal, export] { #expect(error?.code == .notFound && error?.field == "organization") }
        }
    }

    @Test func aMonthIsClosedOnceAndStaysSo() async throws {
        try await World.run("closes", events: 400) { world in
            let appender = Appender(configuration: world.database.service, logger: quiet)
            let task = Task { _ = try? await appender.run() }
            let close = PeriodClose(postgres: world.database.client, appender: appender)
            for wrong in ["2026", "2026-13", "26-1-1", "2026-1", "9999-01", "", "2026-00"] {
                await #expect(throws: FinanceError.self, "\(wrong)") { try await close.close(wrong) }
            }
            // The month of now is not over; what the ledger does not reach back to can't be closed either.
            await #expect(throws: FinanceError.self) { try await close.close(String(Timestamp.now.iso8601.prefix(7))) }
            await #expect(throws: FinanceError.self) { try await close.close("2001-01") }
            #expect(try await close.closed().isEmpty)
            #expect(PeriodClose.end(of: "2026-12") == Timestamp(iso8601: "2027-01-01T00:00:00Z"))
            #expect(PeriodClose.end(of: "2026-09") == Timestamp(iso8601: "2026-10-01T00:00:00Z"))

            // As if it had been recorded a month ago: the database's owner turns the clock back.
            let accounts = try await world.finance.trialBalance(upTo: 300)
            let chain = world.events[299].hash.map { String(format: "%02x", $0) }.joined()
            let ledger = try #require(await LedgerReader(world.database.client).ledgerID())
            let data = PeriodClosed(
                period: "2020-01", position: 300, chain: chain,
                accounts: try accounts.map { .init(account: $0.account, balance: try #require(NanoDollars(exactly: $0.balance))) }
            )
            let stream = StreamName(kind: .ledger, id: ledger)
            try await world.database.append([
                NewEvent(data, id: PeriodClosed.id(of: "2020-01"), stream: stream, expectedVersion: nil, organization: nil)
            ])
            try await World.project("journal", world.database)
            #expect(try await close.close("2020-01") == data)
            #expect(try await close.closed().map(\.isSound) == [true])
            var other = data
            other.period = "2020-02"
            other.accounts[0].balance = NanoDollars(other.accounts[0].balance.rawValue + 1)
            try await world.database.append([
                NewEvent(other, id: PeriodClosed.id(of: "2020-02"), stream: stream, expectedVersion: nil, organization: nil)
            ])
            try await World.project("journal", world.database)
            #expect(try await close.closed().map(\.isSound) == [true, false])
            await appender.shutdown()
            task.cancel()
        }
    }
}
