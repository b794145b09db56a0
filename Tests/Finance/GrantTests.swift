import Foundation
import Ledger
import Money
import Postgres
import Projections
import TestSupport
import Testing

@testable import Finance

/// T21: every random life of an organization's credit ends as the reference says.
@Suite struct GrantTests {
    private static let projections = ["grants", "balances", "journal", "balance_history"]

    /// What was answered once, with where it was asked.
    private struct Answer: Sendable {
        let organization: OrganizationID
        let position: Int64
        let balance: Int64
    }

    @Test func everyHistoryEndsAsTheReferenceSays() async throws {
        let histories = 100_000
        var random = SeededGenerator(seed: TestEnvironment.seed("grants"))
        try await LedgerDatabase.with { database in
            let finance = Finance(postgres: database.client)
            let running = try Self.projections.map { try Following($0, database) }
            var answers: [Answer] = []
            // Side by side, so that every batch has events of many organizations, and none is folded in one.
            let together = 2_000
            for start in stride(from: 0, to: histories, by: together) {
                var lives = (start..<min(start + together, histories)).map { _ in CreditHistory(seed: random.next()) }
                try await database.append(try lives.map { try $0.opening() })
                for _ in 0..<10 {
                    var events: [NewEvent] = []
                    for index in lives.indices { events += try lives[index].next() }
                    let position = try await database.append(events)
                    running.forEach { $0.signal.signal(position) }
                    let life = lives[Int.random(in: lives.indices, using: &random)]
                    answers.append(
                        Answer(organization: life.organization, position: position, balance: life.reference.balance))
                }
                for following in running { try await following.catchUp() }
                try await Self.check(lives, database)
            }
            for following in running { await following.stop() }
            for answer in answers {
                let found = try await finance.balance(of: answer.organization, .position(answer.position))
                #expect(found.balance.rawValue == answer.balance)
            }
            try await Self.replays(database)
        }
    }

    private struct Difference: Error, CustomStringConvertible { let description: String }

    private static func check(_ lives: [CreditHistory], _ database: LedgerDatabase) async throws {
        let ids = PostgresValue.uuidArray(lives.map(\.organization.uuid))
        let overdrawn = try await dictionary(
            "SELECT organization, overdrawn FROM grants.organizations WHERE organization = ANY ($1)", ids, database)
        let balances = try await dictionary(
            "SELECT organization, balance::bigint FROM balances.organizations WHERE organization = ANY ($1)", ids, database)
        let known = try await dictionary(
            "SELECT organization, sum(credited - charged)::bigint FROM balance_history.hours WHERE organization = ANY ($1) GROUP BY 1",
            ids, database)
        let rows = try await database.client.query(
            """
            SELECT grant_id, amount, priority, expires_at, returned, used, expired, voided, frozen, refunded, remaining
            FROM grants.grants WHERE organization = ANY ($1)
            """, [ids])
        var grants: [UUID: ReferenceCredit.Grant] = [:]
        for row in rows {
            var grant = ReferenceCredit.Grant(
                amount: try row.decode(1), priority: try row.decode(2), expiry: try row.decode(3))
            grant.returned = try row.decode(4)
            grant.used = try row.decode(5)
            for (column, how) in zip(6..., [CreditStep.Taking.expired, .voided, .frozen, .refunded]) {
                let amount: Int64 = try row.decode(column)
                if amount != 0 { grant.taken[how] = amount }
            }
            #expect(try grant.remaining == row.decode(10) && grant.remaining >= 0)
            grants[try row.decode(0)] = grant
        }
        var accounts: [UUID: [String: Int64]] = [:]
        for row in try await database.client.query(
            """
            SELECT organization, account, sum(amount)::bigint FROM journal.postings
            WHERE organization = ANY ($1) GROUP BY 1, 2 HAVING sum(amount) <> 0
            """, [ids])
        {
            accounts[try row.decode(0), default: [:]][try row.decode(1)] = try row.decode(2)
        }
        for life in lives {
            let (id, reference) = (life.organization.uuid, life.reference)
            let expected = zip(life.grants, reference.grants).map { grant in
                var expected = grant.1
                expected.taken = expected.taken.filter { $0.value != 0 }
                return (grant.0, expected)
            }
            let isAsExpected =
                expected.allSatisfy { grants[$0.0] == $0.1 }
                && overdrawn[id] ?? 0 == reference.overdrawn && balances[id] ?? 0 == reference.balance
                && known[id] ?? 0 == reference.balance && accounts[id] ?? [:] == reference.accounts
                && reference.accounts.values.reduce(0, +) == 0
            if !isAsExpected {
                throw Difference(
                    description: """
                        \(life.organization): expected \(reference); found overdrawn \(overdrawn[id] ?? 0), balance \
                        \(balances[id] ?? 0), \(expected.map { String(describing: grants[$0.0]) }), accounts \(accounts[id] ?? [:])
                        """)
            }
        }
        #expect(grants.count == lives.map(\.grants.count).reduce(0, +))
    }

    private static func dictionary(
        _ sql: String, _ ids: PostgresValue, _ database: LedgerDatabase
    ) async throws -> [UUID: Int64] {
        try await database.client.query(sql, [ids]).reduce(into: [:]) { $0[try $1.decode(0)] = try $1.decode(1) }
    }

    /// In other batches it is the same, and what must always hold does.
    private static func replays(_ database: LedgerDatabase) async throws {
        let definition = try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/grants")
        let comparison = try await Comparer(definition: definition, configuration: database.configuration, logger: quiet)
            .compare()
        #expect(comparison.equal)
    }

    @Test(arguments: [
        #"{"amount":5,"grant":"00000000-0000-7000-8000-000000000000"}"#, #"{"amount":null,"payment":null}"#, #"{"amount":-1}"#,
    ]) func whatCannotBeIsNotCounted(_ data: String) async throws {
        try await LedgerDatabase.with { database in
            let organization = OrganizationID.mint()
            try await database.append([
                NewEvent(
                    CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(10)), stream: .credit(organization),
                    expectedVersion: 0, organization: organization, occurredAt: .now),
                NewEvent(
                    id: .mint(), stream: .credit(organization), expectedVersion: 1, type: "credit.expired", schemaVersion: 1,
                    organization: organization, data: Array(data.utf8), occurredAt: .now, epoch: nil),
            ])
            let following = try Following("grants", database)
            try await following.halts(at: try await database.head())
            await following.stop()
        }
    }
}

/// A projection that follows the ledger while a test needs it.
private struct Following {
    let signal = LedgerSignal()
    private let projector: Projector
    private let task: Task<Void, Never>
    private let database: LedgerDatabase

    init(_ name: String, _ database: LedgerDatabase) throws {
        let projector = Projector(
            definition: try .load(folder: "\(TestEnvironment.root)/projections/\(name)"), configuration: database.configuration,
            signal: signal, pace: .milliseconds(1), logger: quiet)
        self.projector = projector
        self.database = database
        task = Task { await projector.run() }
    }

    func catchUp() async throws {
        let isThere = try await waitUntil(
            projection: projector.definition.name, position: try await database.head(), deadline: .seconds(120),
            client: database.client)
        if !isThere { throw World.Behind(name: "\(projector.definition.name): \(projector.state)") }
    }

    func halts(at position: Int64) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            if case .halted(position, _) = projector.state { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("it is \(projector.state)")
    }

    func stop() async {
        task.cancel()
        await task.value
    }
}
