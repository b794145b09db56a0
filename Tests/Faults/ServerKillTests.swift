import Ledger
import Postgres
import TestSupport
import Testing

/// T2: Postgres dies in mid-append: killed with all its processes, stopped at once, or cut off from power.
@Suite(.timeLimit(.minutes(TestEnvironment.soak ? 240 : 10))) struct ServerKillTests {
    private enum Death: CaseIterable { case kill, immediate, powerCut }

    @Test func `what a dying server acknowledged is there, and projections go on by themselves`() async throws {
        let seed = TestEnvironment.seed("killed server")
        var random = SeededGenerator(seed: seed)
        let deaths = TestEnvironment.soak ? 100 : 4
        let workload = try AppendWorkload(seed: random.next(), events: TestEnvironment.soak ? 100_000 : 9_600)
        let commands = workload.shares.reduce(0) { $0 + $1.count }
        try await PostgresServer.with { server in
            try await LedgerDatabase.with(url: server.url) { database in
                let projector = try FollowingProjector(database)
                let acknowledged = Acknowledged()
                try await withFaultAppender(database) { appender in
                    var deathsAtWork = 0
                    async let appending: Void = Self.append(workload, appender, acknowledged)
                    for round in 0..<deaths {
                        let mark = (round + 1) * commands / (deaths + 1)
                        while acknowledged.count < mark, !acknowledged.isOver { try await Task.sleep(for: .milliseconds(1)) }
                        try await Task.sleep(for: .microseconds(Int.random(in: 0..<3_000, using: &random)))
                        switch Death.allCases[round % Death.allCases.count] {
                        case .kill: try await server.kill()
                        case .immediate: try await server.quit()
                        case .powerCut: try await server.cutPower()
                        }
                        // Work that waits for its answer now needs another connection.
                        if acknowledged.count < commands { deathsAtWork += 1 }
                        try await server.start()
                    }
                    try await appending
                    // On a busy machine the work may end before the last death.
                    #expect(deathsAtWork >= deaths - 1)
                    // A death may come before there is a connection again after the one before.
                    #expect(appender.statistics.connections > 1)
                }
                let audit = try await AppendAudit(workload, acknowledged: acknowledged.all, in: database)
                #expect(audit.found == workload.events)
                try await projector.expectCaughtUp()
            }
        }
    }

    /// Also a failure ends the waiting for its answers.
    private static func append(_ workload: AppendWorkload, _ appender: Appender, _ acknowledged: Acknowledged) async throws {
        defer { acknowledged.end() }
        try await workload.append(appender) { acknowledged.note($0, $1) }
    }
}
