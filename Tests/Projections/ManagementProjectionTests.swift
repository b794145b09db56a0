import Ledger
import Money
import Postgres
import Projections
import TestSupport
import Testing

/// The read models of the management API.
@Suite struct ManagementProjectionTests {
    @Test(arguments: ["organizations", "keys", "provider_keys"])
    func `what people manage is the same in any batches and sound`(_ name: String) async throws {
        var history = ManagementHistory(seed: TestEnvironment.seed("management of \(name)"))
        try await LedgerDatabase.with { database in
            let definition = try Folders.load(name)
            let running = RunningProjector(definition, database)
            for _ in 0..<12 {
                try await database.append(try history.events(1 + history.chance(80)))
                if history.chance(3) > 0 { try await running.catchUp(database) }
            }
            try await running.catchUp(database)
            #expect(try await database.lines("SELECT position FROM projections.parked") == [])
            let comparer = Comparer(definition: definition, configuration: database.configuration, logger: database.logger)
            #expect(try await comparer.compare().equal)
            #expect(try await comparer.verify() == [])
            await running.stop()
        }
    }

    @Test(arguments: ["organizations", "keys"])
    func `the events of requests are not read by what does not fold them`(_ name: String) async throws {
        try await LedgerDatabase.with { database in
            try await project(try Folders.load(name), database)
            let connection = try await PostgresConnection.connect(database.configuration, logger: database.logger)
            try await connection.script(
                "SET search_path = \(name); SET enable_seqscan = off; SET projection.after = '0'; SET projection.upto = '99'")
            let plan = try await connection.query("EXPLAIN SELECT count(*) FROM batch").map { try $0.decode(0, as: String.self) }
            #expect(plan.contains { $0.contains("events_changes_position") }, "\(plan)")
            await connection.close()
        }
    }

    /// What the API shows and what the gateway obeys are read models of their own.
    @Test func `a new organization has the same settings in both read models`() async throws {
        try await LedgerDatabase.with { database in
            let organization = OrganizationID.mint()
            try await database.append([
                NewEvent(
                    OrganizationCreated(), stream: .organization(organization), expectedVersion: nil, organization: organization)
            ])
            for name in ["organizations", "admission"] {
                try await apply(name, database)
                #expect(
                    try await database.lines("SELECT status, strict, retention FROM \(name).organizations") == [
                        "(active,t,none)"
                    ],
                    "\(name)")
            }
        }
    }

    @Test func `settings are what the last event says, and what was not said stays`() async throws {
        try await LedgerDatabase.with { database in
            let (organization, project, user) = (OrganizationID.mint(), ProjectID.mint(), UserID.mint())
            func event(_ data: some EventData, _ stream: StreamName) throws -> NewEvent {
                try NewEvent(data, stream: stream, expectedVersion: nil, organization: organization)
            }
            try await database.append([
                event(OrganizationCreated(), .organization(organization)),
                event(MemberAdded(user: user, role: .owner), .organization(organization)),
                event(ProjectCreated(mode: "hybrid", usageLimit: NanoDollars(5)), .project(project)),
                event(ProjectUpdated(caching: true, cacheSeconds: 90), .project(project)),
                event(OrganizationUpdated(retention: "retain", autoTopUp: true), .organization(organization)),
                event(MemberRoleChanged(user: user, role: .admin), .organization(organization)),
            ])
            try await apply("organizations", database)
            #expect(
                try await database.lines(
                    "SELECT status, mode, caching, cache_seconds, usage_limit FROM organizations.projects")
                    == ["(active,hybrid,t,90,5)"])
            #expect(
                try await database.lines("SELECT status, plan, retention, auto_top_up FROM organizations.organizations")
                    == ["(active,free,retain,t)"])
            #expect(try await database.lines("SELECT role FROM organizations.members") == ["(admin)"])
        }
    }

    @Test func `a rule is not touched from another key's stream, and a deleted key stays so`() async throws {
        try await LedgerDatabase.with { database in
            let (organization, project) = (OrganizationID.mint(), ProjectID.mint())
            let (mine, other, rule) = (APIKeyID.mint(), APIKeyID.mint(), IAMRuleID.mint())
            func event(_ data: some EventData, _ stream: StreamName) throws -> NewEvent {
                try NewEvent(data, stream: stream, expectedVersion: nil, organization: organization)
            }
            try await database.append([
                event(ProjectCreated(), .project(project)),
                event(APIKeyCreated(project: project, tokenSHA256: String(repeating: "a", count: 64)), .apiKey(mine)),
                event(APIKeyCreated(project: project, tokenSHA256: String(repeating: "b", count: 64)), .apiKey(other)),
                event(IAMRuleCreated(rule: rule, kind: .denyModels, value: IAMRuleValue(models: ["m"])), .apiKey(mine)),
                event(IAMRuleUpdated(rule: rule, status: .inactive), .apiKey(other)),
                event(IAMRuleDeleted(rule: rule), .apiKey(other)),
                event(APIKeyDeleted(), .apiKey(other)),
                event(APIKeyStatusChanged(status: .active), .apiKey(other)),
            ])
            try await apply("keys", database)
            #expect(try await database.lines("SELECT status FROM keys.rules") == ["(active)"])
            #expect(try await database.lines("SELECT status FROM keys.keys ORDER BY 1") == ["(active)", "(deleted)"])
        }
    }

    private func apply(_ name: String, _ database: LedgerDatabase) async throws {
        try await project(try Folders.load(name), database)
    }
}
