import Ledger
import Money
import Postgres
import Projections
import TestSupport
import Testing

/// T20: an event that can't be applied stops what counts money and is named; it never vanishes.
@Suite struct PoisonTests {
    /// Grants of 1, 2, 3, … to two organizations in turn.
    private static func grants(_ count: Int) throws -> [NewEvent] {
        let organizations = [OrganizationID.mint(), .mint()]
        return try (1...count).map { index in
            let organization = organizations[index % 2]
            return try NewEvent(
                CreditGranted(grant: .mint(), kind: .promotional, amount: NanoDollars(Int64(index))),
                stream: .credit(organization),
                expectedVersion: nil, organization: organization)
        }
    }

    @Test func `a projection halts before the first event that fails, names it, and goes on when it is mended`() async throws {
        try await LedgerDatabase.with { database in
            let origin = try await database.head()
            try await database.append(try Self.grants(40))
            // The table refuses the amounts above 17, but for one: the first is 18. The fault is in the tables, so that it can be mended.
            let definition = try witness(tables: "ALTER TABLE seen ADD CONSTRAINT small CHECK (amount < 18 OR amount = 30);")
            let running = RunningProjector(definition, database)
            running.signal.signal(try await database.head())
            try await running.becomes("it halts") { $0.haltedAt == origin + 18 }
            #expect(try await database.text("SELECT max(amount)::text FROM witness.seen") == "17")
            let status = try #require(try await ProjectionStatus.all(client: database.client).first)
            #expect(status.state == .halted)
            #expect(status.position == origin + 17)
            #expect(status.haltedAt == origin + 18)
            #expect(status.error?.contains("small") == true)

            _ = try await database.client.query("ALTER TABLE witness.seen DROP CONSTRAINT small")
            try await running.catchUp(database)
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "40")
            #expect(try await ProjectionStatus.all(client: database.client).first?.error == nil)
            await running.stop()
        }
    }

    @Test(arguments: [1, 2, 7, 40]) func `whatever event is bad, it is the one that is named`(_ bad: Int) async throws {
        try await LedgerDatabase.with { database in
            let origin = try await database.head()
            try await database.append(try Self.grants(40))
            let running = RunningProjector(try witness(refusing: "data ->> 'amount' = '\(bad)'"), database)
            running.signal.signal(try await database.head())
            try await running.becomes("it halts at \(bad)") { $0.haltedAt == origin + Int64(bad) }
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "\(bad - 1)")
            await running.stop()
        }
    }

    @Test func `before a newer version of an event than the projection knows it halts`() async throws {
        try await LedgerDatabase.with { database in
            var events = try Self.grants(5)
            let last = events[4]
            events[4] = try NewEvent(
                id: last.id, stream: last.stream, expectedVersion: nil, type: last.type, schemaVersion: 2,
                organization: last.organization, data: last.data, occurredAt: last.occurredAt, epoch: nil)
            try await database.append(events)
            let running = RunningProjector(try witness(), database)
            running.signal.signal(try await database.head())
            let head = try await database.head()
            try await running.becomes("it halts") { $0.haltedAt == head }
            #expect(running.projector.state.reason?.contains("schema version 2") == true)
            await running.stop()
            // The next version of the folder knows it.
            let newer = try witness(version: 2, events: ["credit.granted": 2])
            let report = try await Rebuilder(
                definition: newer, configuration: database.configuration, logger: database.logger
            ).rebuild()
            #expect(report.position == head)
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "5")
        }
    }

    @Test(arguments: [
        ("balances", "credit", "credit.clawed_back"), ("journal", "credit", "credit.clawed_back"),
        ("grants", "credit", "credit.clawed_back"), ("grants", "request", "request.disputed"),
        ("transactions", "credit", "credit.clawed_back"), ("balances", "request", "request.disputed"),
        ("journal", "request", "request.disputed"), ("usage", "request", "request.disputed"),
        ("admission", "credit", "credit.clawed_back"), ("admission", "api_key", "api_key.frozen"),
        ("requests", "request", "request.disputed"), ("keys", "api_key", "api_key.frozen"),
        ("organizations", "organization", "organization.frozen"), ("provider_keys", "provider_key", "provider_key.frozen"),
    ]) func `an event of a type that nobody knows is neither passed over nor parked`(
        _ name: String, _ kind: String, _ type: String
    ) async throws {
        try await LedgerDatabase.with { database in
            let stream = StreamName(kind: try #require(StreamKind(rawValue: kind)), id: OrganizationID.mint().uuid)
            let event = try NewEvent(
                id: .mint(), stream: stream, expectedVersion: 0, type: type, schemaVersion: 1, organization: .mint(),
                data: Array(#"{"amount": 5}"#.utf8), occurredAt: .now, epoch: nil)
            try await database.append([event])
            let head = try await database.head()
            let running = RunningProjector(try Folders.load(name), database)
            running.signal.signal(head)
            try await running.becomes("it halts") { $0.haltedAt == head }
            #expect(running.projector.state.reason?.contains(type) == true)
            #expect(try await database.lines("SELECT position FROM projections.parked") == [])
            await running.stop()
        }
    }

    @Test func `what may be passed over is passed over, and the view of older tables learns it`() async throws {
        try await LedgerDatabase.with { database in
            var events = try Self.grants(3)
            let organization = OrganizationID.mint()
            events.append(
                try NewEvent(
                    CreditExpired(grant: .mint(), amount: NanoDollars(1)), stream: .credit(organization), expectedVersion: nil,
                    organization: organization))
            try await database.append(events)
            // Tables that say nothing of the streams pass over what they don't fold.
            try await project(try witness(), database)
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "3")
            try await database.append(try Self.grants(1))
            try await project(try witness(streams: ["credit": ["credit.expired"]]), database)
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "4")
            let strict = RunningProjector(try witness(streams: ["credit": []]), database)
            try await database.append(
                events.suffix(1).map { event in
                    try NewEvent(
                        CreditExpired(grant: .mint(), amount: NanoDollars(1)), stream: event.stream, expectedVersion: nil,
                        organization: organization)
                })
            let head = try await database.head()
            strict.signal.signal(head)
            try await strict.becomes("it halts") { $0.haltedAt == head }
            await strict.stop()
        }
    }

    @Test func `a projection that may park leaves out the organization, records it, and others go on`() async throws {
        try await LedgerDatabase.with { database in
            let origin = try await database.head()
            try await database.append(try Self.grants(40))
            let definition = try witness(onPoison: .parkOrganization, refusing: "data ->> 'amount' = '9'")
            let running = RunningProjector(definition, database)
            try await running.catchUp(database)
            // 1, 3, 5, 7 of the organization whose 9 failed, and all twenty of the other.
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "24")
            let parked = try await database.lines("SELECT schema_name, position, type FROM projections.parked")
            #expect(parked == ["(witness,\(origin + 9),credit.granted)"])
            #expect(try await ProjectionStatus.all(client: database.client).first?.parked == 1)
            // The replay leaves out the same and comes out the same.
            let comparer = Comparer(definition: definition, configuration: database.configuration, logger: database.logger)
            #expect(try await comparer.compare().equal)
            await running.stop()
        }
    }

    /// Every event fails while it is lost, of every organization: none of them is to blame.
    @Test func `a right that is lost parks nobody, and all is applied when it is given back`() async throws {
        try await LedgerDatabase.with { database in
            let running = RunningProjector(try witness(onPoison: .parkOrganization), database)
            try await database.append(try Self.grants(3))
            try await running.catchUp(database)
            _ = try await database.client.query("REVOKE INSERT ON witness.seen FROM llmgateway_projector")
            try await database.append(try Self.grants(4))
            running.signal.signal(try await database.head())
            // Somebody has to mend it, and the status says so.
            try await running.becomes("it is halted") { $0.reason?.contains("[42501]") == true }
            #expect(try await ProjectionStatus.all(client: database.client).first?.state == .halted)
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "3")
            _ = try await database.client.query("GRANT INSERT ON witness.seen TO llmgateway_projector")
            try await running.catchUp(database)
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "7")
            #expect(try await database.lines("SELECT position FROM projections.parked") == [])
            await running.stop()
        }
    }

    /// A slip of the hand is in the ledger for ever: it must not keep the sums of everybody else from being known.
    @Test(arguments: [("balances", "organizations", "granted"), ("balance_history", "hours", "credited")])
    func `credits whose sum is beyond 64 bits are summed, and others go on`(
        _ name: String, _ table: String, _ column: String
    ) async throws {
        try await LedgerDatabase.with { database in
            let (rich, other) = (OrganizationID.mint(), OrganizationID.mint())
            // At one moment: else the turn of an hour would part them.
            let moment = Timestamp.now
            let given: [(OrganizationID, Int64)] = [(rich, .max), (rich, .max), (other, 5)]
            let definition = try Folders.load(name)
            // Beyond it in one batch, and once more with the next.
            for round in 1...2 {
                let events = try given.map { organization, amount in
                    try NewEvent(
                        CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(amount)), stream: .credit(organization),
                        expectedVersion: nil, organization: organization, occurredAt: moment)
                }
                try await database.append(events)
                try await project(definition, database)
                let found = try await database.lines("SELECT \(column) FROM \(name).\(table) ORDER BY \(column)")
                #expect(found == ["(\(5 * round))", "(\(Int128(Int64.max) * 2 * Int128(round)))"])
            }
            let comparer = Comparer(definition: definition, configuration: database.configuration, logger: database.logger)
            #expect(try await comparer.verify() == [])
        }
    }

    @Test(arguments: [
        (#"{"amount": 5}"#, "credit.topped_up", "journal"), (#"{"kind": "stolen", "amount": 5}"#, "credit.granted", "journal"),
        (#"{}"#, "credit.granted", "balances"), (#"{"amount": 1.5}"#, "credit.granted", "balances"),
        (#"{"amount": -1}"#, "credit.refunded", "balances"), (#"{"charged": 1}"#, "request.completed", "balances"),
        (#"{"project": "x"}"#, "request.completed", "usage"), (#"{}"#, "request.completed", "grants"),
        (#"{"charged": -1}"#, "request.completed", "grants"), (#"{"kind": "paid", "amount": 5}"#, "credit.granted", "grants"),
    ]) func `an event that lacks what it must have is never counted as zero`(
        _ data: String, _ type: String, _ name: String
    ) async throws {
        try await LedgerDatabase.with { database in
            let organization = OrganizationID.mint()
            let isRequest = type.hasPrefix("request")
            try await database.append([
                try NewEvent(
                    id: .mint(), stream: isRequest ? .request(.mint()) : .credit(organization),
                    expectedVersion: isRequest ? 0 : nil,
                    type: type, schemaVersion: 1, organization: organization, data: Array(data.utf8), occurredAt: .now, epoch: nil
                )
            ])
            let running = RunningProjector(try Folders.load(name), database)
            running.signal.signal(try await database.head())
            let head = try await database.head()
            try await running.becomes("it halts") { $0.haltedAt == head }
            await running.stop()
        }
    }
}
