import Foundation
import Money
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite struct AppendTests {
    @Test func allFiveAnswersInOneBatch() async throws {
        try await withLedgerDatabase { database in
            let cast = Cast()
            let (first, second) = (RequestID.mint(), RequestID.mint())
            let authorization = try cast.authorization(of: first)
            try await withAppender(database.service) { appender in
                #expect(try await appender.append(Command(authorization)) == .appended(first: 3, last: 3))
                let changed = try NewEvent(
                    cast.authorized(held: 7), id: authorization.id, stream: authorization.stream, expectedVersion: 0,
                    organization: cast.organization)
                let late = try NewEvent(cast.authorized(), stream: .request(first), expectedVersion: 0, organization: nil)
                let stale = try NewEvent(
                    cast.authorized(), stream: .request(.mint()), expectedVersion: 0, organization: cast.organization, epoch: 1)
                let several = try [cast.grant(), cast.authorization(of: second), cast.completion(of: second)]
                // A gate keeps the writer busy until all are queued, so that they are one batch.
                let results = try await Self.inOneBatch(
                    [Command(authorization), Command(changed), Command(late), Command(stale), Command(several)], appender,
                    database)
                #expect(
                    results == [
                        .already(first: 3, last: 3), .idempotencyConflict, .versionConflict(current: 1), .staleEpoch(current: 2),
                        .appended(first: 4, last: 6),
                    ])
                #expect(appender.statistics.lastBatchSize == 7)
            }
        }
    }

    /// Appends the commands while another session holds the append lock: behind a first command the others gather.
    private static func inOneBatch(
        _ commands: [Command], _ appender: Appender, _ database: LedgerDatabase
    ) async throws -> [AppendResult] {
        let holder = try await PostgresConnection.connect(database.administrator, logger: quietLogger)
        try await holder.script("BEGIN; SELECT pg_advisory_xact_lock(ledger.append_lock_key())")
        let refused = try NewEvent(
            CreditRefunded(amount: .zero), stream: .credit(.mint()), expectedVersion: 77, organization: nil)
        return try await withThrowingTaskGroup(of: (Int, AppendResult).self) { group in
            group.addTask { (-1, try await appender.append(Command(refused))) }
            while appender.withQueue({ $0.sent.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
            for (index, command) in commands.enumerated() {
                group.addTask { (index, try await appender.append(command)) }
                while appender.statistics.queued <= index { try await Task.sleep(for: .milliseconds(1)) }
            }
            try await holder.script("COMMIT")
            await holder.close()
            var results: [Int: AppendResult] = [:]
            for try await (index, result) in group { results[index] = result }
            #expect(results[-1] == .versionConflict(current: 0))
            return commands.indices.compactMap { results[$0] }
        }
    }

    @Test(arguments: [64, 1024])
    func manyCallersGetTheirOwnAnswers(callers: Int) async throws {
        try await withLedgerDatabase { database in
            let signal = LedgerSignal()
            try await withAppender(database.service, signal: signal) { appender in
                let perCaller = 4096 / callers
                let positions = try await withThrowingTaskGroup(of: [Int64].self) { group in
                    for _ in 0..<callers {
                        group.addTask {
                            let cast = Cast()
                            var positions: [Int64] = []
                            for _ in 0..<perCaller {
                                let result = try await appender.append(Command(cast.authorization(of: .mint())))
                                guard case .appended(let first, let last) = result, first == last else {
                                    Issue.record("\(result)")
                                    continue
                                }
                                positions.append(first)
                            }
                            #expect(positions == positions.sorted())
                            return positions
                        }
                    }
                    return try await group.reduce(into: []) { $0 += $1 }
                }
                #expect(positions.sorted() == Array(3..<Int64(3 + callers * perCaller)))
                #expect(appender.statistics.appendedEvents == Int64(callers * perCaller))
                #expect(appender.statistics.batches < Int64(callers * perCaller) / 4, "many events are one transaction")
                #expect(signal.position == Int64(2 + callers * perCaller))
            }
            let report = try await Verifier(configuration: database.service, seals: nil, logger: quietLogger).run()
            #expect(report.fault == nil)
        }
    }

    /// T7
    @Test func ofThoseWhoExpectTheSameVersionOneWins() async throws {
        try await withLedgerDatabase { database in
            let cast = Cast()
            let request = RequestID.mint()
            try await withAppender(database.service) { one in
                try await withAppender(database.service) { other in
                    #expect(try await one.append(Command(cast.authorization(of: request))).position == 3)
                    let results = try await Self.all(256) { index in
                        try await (index % 2 == 0 ? one : other).append(Command(cast.completion(of: request)))
                    }
                    let winners = results.filter { if case .appended = $0 { true } else { false } }
                    #expect(winners.count == 1)
                    #expect(results.filter { $0 == .versionConflict(current: 2) }.count == 255)
                }
            }
        }
    }

    /// T8
    @Test func theSameEventCountsOnce() async throws {
        try await withLedgerDatabase { database in
            let cast = Cast()
            let grant = try cast.grant()
            let other = try NewEvent(
                CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(1)), id: grant.id, stream: grant.stream,
                expectedVersion: nil, organization: cast.organization)
            // The caller's own facts of the moment may differ.
            let again = try NewEvent(
                id: grant.id, stream: grant.stream, expectedVersion: grant.expectedVersion, type: grant.type,
                schemaVersion: grant.schemaVersion, organization: grant.organization, data: grant.data,
                metadata: Array(#"{"source":"retry"}"#.utf8), occurredAt: .now.advanced(by: .seconds(9)), epoch: nil)
            try await withAppender(database.service) { one in
                try await withAppender(database.service) { two in
                    let results = try await Self.all(100) { index in
                        try await (index % 2 == 0 ? one : two).append(Command(index % 3 == 0 ? again : grant))
                    }
                    #expect(results.filter { $0 == .appended(first: 3, last: 3) }.count == 1)
                    #expect(results.filter { $0 == .already(first: 3, last: 3) }.count == 99)
                    let conflicts = try await Self.all(20) { _ in try await one.append(Command(other)) }
                    #expect(conflicts.allSatisfy { $0 == .idempotencyConflict })
                }
            }
        }
    }

    private static func all(
        _ count: Int, _ body: @escaping @Sendable (Int) async throws -> AppendResult
    ) async throws -> [AppendResult] {
        try await withThrowingTaskGroup(of: AppendResult.self) { group in
            for index in 0..<count { group.addTask { try await body(index) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test func aPoisonCommandFailsAlone() async throws {
        try await withLedgerDatabase { database in
            let cast = Cast()
            // Not JSON, which only Postgres finds out.
            let poison = try NewEvent(
                id: .mint(), stream: .credit(cast.organization), expectedVersion: nil, type: "credit.granted", schemaVersion: 1,
                organization: nil, data: Array("{".utf8), occurredAt: .now, epoch: nil)
            try await withAppender(database.service) { appender in
                let outcomes = await withTaskGroup(of: (Bool, Result<AppendResult, AppendError>).self) { group in
                    for index in 0..<200 {
                        group.addTask {
                            let isPoison = index % 40 == 13
                            do throws(AppendError) {
                                let event = isPoison ? poison : try? cast.grant()
                                return (isPoison, .success(try await appender.append(Command(event ?? poison))))
                            } catch { return (isPoison, .failure(error)) }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                for (isPoison, result) in outcomes {
                    switch result {
                    case .success(.appended): #expect(!isPoison)
                    case .failure(let error):
                        #expect(isPoison)
                        #expect(error.code == .rejected(sqlState: "22P02") && !error.outcomeUnknown)
                    default: Issue.record("\(result)")
                    }
                }
                #expect(outcomes.count == 200)
                #expect(appender.statistics.rejectedCommands == 5)
            }
        }
    }

    @Test func aServerThatMayLoseWhatItAcknowledgedIsRefused() async throws {
        try await withLedgerDatabase { database in
            var configuration = database.service
            configuration.settings["synchronous_commit"] = "off"
            let appender = Appender(configuration: configuration, logger: quietLogger)
            await #expect(throws: AppenderUnfit.self) { try await appender.run() }
            await #expect(throws: AppendError.self) { try await appender.append(Command(Cast().grant())) }
        }
    }
}
