import Foundation
import Postgres
import TestSupport
import Testing

@testable import Ledger

/// What callers hear when Postgres fails or the appender ends: always an answer, or an error that says whether it is known
/// that nothing was written.
@Suite(.timeLimit(.minutes(2))) struct AppendFaultTests {
    /// What was never sent can't be there, and the error says so; what is asked after that is refused at once. The appender
    /// finds the server again although no command waits that would make it look.
    @Test func whilePostgresIsAwayNothingIsUnknown() async throws {
        try await PostgresServer.with { server in
            let database = try await LedgerDatabase(url: server.url)
            let appender = Appender(configuration: database.service, patience: .milliseconds(200), logger: quietLogger)
            let writer = Task { try await appender.run() }
            let cast = Cast()
            #expect(try await appender.append(Command(cast.grant())).position == 3)
            #expect(appender.isAvailable)
            try await server.stop(.immediate)
            let grant = try Command(cast.grant())
            // The first may have been sent over the dying connection.
            _ = await Self.failure { try await appender.append(grant) }
            try await Self.wait { !appender.isAvailable }
            let error = await Self.failure { try await appender.append(Command(cast.grant())) }
            #expect(error?.code == .unavailable && error?.outcomeUnknown == false)
            #expect(appender.statistics.queued == 0)
            try await server.start()
            try await Self.wait { appender.isAvailable }
            #expect(try await appender.append(grant).position == 4)
            await appender.shutdown()
            try await writer.value
        }
    }

    /// A server that answers but can't write, as with a full disk: nothing is unknown, and it ends by itself.
    @Test func whatTheServerHasNoRoomForIsRefusedUntilItHas() async throws {
        try await withLedgerDatabase { database in
            let appender = Appender(configuration: database.service, patience: .milliseconds(200), logger: quietLogger)
            let writer = Task { try await appender.run() }
            let cast = Cast()
            #expect(try await appender.append(Command(cast.grant())).position == 3)
            try await database.script(
                """
                CREATE FUNCTION ledger.full_disk() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;
                CREATE TRIGGER full_disk BEFORE INSERT ON ledger.events EXECUTE FUNCTION ledger.full_disk();
                """)
            for _ in 0..<3 {
                let error = await Self.failure { try await appender.append(Command(cast.grant())) }
                #expect(error?.code == .unavailable && error?.outcomeUnknown == false)
            }
            try await database.script("DROP TRIGGER full_disk ON ledger.events")
            try await Self.wait { appender.isAvailable }
            #expect(try await appender.append(Command(cast.grant())).position == 4)
            await appender.shutdown()
            try await writer.value
        }
    }

    @Test func aFrozenServerLeavesTheSentUnknownAndTheQueuedKnown() async throws {
        try await PostgresServer.with { server in
            let database = try await LedgerDatabase(url: server.url)
            try await withAppender(database.service) { appender in
                let cast = Cast()
                _ = try await appender.append(Command(cast.grant()))
                server.freeze()
                async let sent = Self.failure { try await appender.append(Command(cast.grant()), deadline: .seconds(3)) }
                try await Self.wait { appender.withQueue { !$0.sent.isEmpty } }
                async let queued = Self.failure { try await appender.append(Command(cast.grant()), deadline: .milliseconds(300)) }
                async let second = Self.failure { try await appender.append(Command(cast.grant()), deadline: .milliseconds(300)) }
                let errors = await [sent, queued, second]
                #expect(errors.allSatisfy { $0?.code == .deadlineExceeded })
                #expect(errors.map { $0?.outcomeUnknown } == [true, false, false])
                server.thaw()
                #expect(try await appender.append(Command(cast.grant())).position ?? 0 > 3)
            }
        }
    }

    @Test func whoFindsTheQueueFullIsRefusedAtOnce() async throws {
        try await PostgresServer.with { server in
            let database = try await LedgerDatabase(url: server.url)
            try await withAppender(database.service, queueLimit: 2) { appender in
                let cast = Cast()
                _ = try await appender.append(Command(cast.grant()))
                server.freeze()
                async let sent = Self.failure { try await appender.append(Command(cast.grant()), deadline: .seconds(60)) }
                try await Self.wait { appender.withQueue { !$0.sent.isEmpty } }
                async let queued = Self.failure { try await appender.append(Command(cast.grant()), deadline: .seconds(60)) }
                async let second = Self.failure { try await appender.append(Command(cast.grant()), deadline: .seconds(60)) }
                try await Self.wait { appender.statistics.queued == 2 }
                let refused = await Self.failure { try await appender.append(Command(cast.grant())) }
                #expect(refused?.code == .overloaded && refused?.outcomeUnknown == false)
                server.thaw()
                let errors = await [sent, queued, second]
                #expect(errors.allSatisfy { $0 == nil })
            }
        }
    }

    @Test func shutdownSendsWhatWaits() async throws {
        try await withLedgerDatabase { database in
            let appender = Appender(configuration: database.service, maximumBatch: 8, logger: quietLogger)
            let cast = Cast()
            let answers = Task {
                try await withThrowingTaskGroup(of: AppendResult.self) { group in
                    for _ in 0..<500 { group.addTask { try await appender.append(Command(cast.grant())) } }
                    return try await group.reduce(into: [AppendResult]()) { $0.append($1) }
                }
            }
            try await Self.wait { appender.statistics.queued == 500 }
            let writer = Task { try await appender.run() }
            try await Self.wait { appender.statistics.batches > 0 }
            await appender.shutdown()
            let positions = try await answers.value.compactMap(\.position)
            try await writer.value
            #expect(positions.sorted() == Array(3..<503))
            let late = await Self.failure { try await appender.append(Command(cast.grant())) }
            #expect(late?.code == .shutDown && late?.outcomeUnknown == false)
        }
    }

    /// There is nobody to send to: the end does not wait for the deadlines.
    @Test func shutdownWhilePostgresIsAwayAnswersEveryone() async throws {
        try await PostgresServer.with { server in
            let database = try await LedgerDatabase(url: server.url)
            try await server.stop()
            let appender = Appender(configuration: database.service, patience: .seconds(600), logger: quietLogger)
            let writer = Task { try await appender.run() }
            let cast = Cast()
            let answers = Task {
                await withTaskGroup(of: AppendError?.self) { group in
                    for _ in 0..<50 {
                        group.addTask {
                            await Self.failure { try await appender.append(Command(cast.grant()), deadline: .seconds(600)) }
                        }
                    }
                    return await group.reduce(into: [AppendError?]()) { $0.append($1) }
                }
            }
            try await Self.wait { appender.statistics.queued == 50 && appender.withQueue { $0.unavailableSince != nil } }
            await appender.shutdown()
            try await writer.value
            let errors = await answers.value
            #expect(errors.count == 50 && errors.allSatisfy { $0?.code == .unavailable && $0?.outcomeUnknown == false })
        }
    }

    /// A caller that is cancelled has its answer nevertheless, and so has one whose writer is cancelled.
    @Test func cancellationTakesNothingBack() async throws {
        try await withLedgerDatabase { database in
            let appender = Appender(configuration: database.service, logger: quietLogger)
            let caller = Task { try await appender.append(Command(Cast().grant())) }
            caller.cancel()
            try await Self.wait { appender.statistics.queued == 1 }
            let writer = Task { try await appender.run() }
            writer.cancel()
            #expect(try await caller.value == .appended(first: 3, last: 3))
            try await writer.value
        }
    }

    /// Without a writer nothing is sent, and callers have their answers at their deadlines all the same.
    @Test func theDeadlineHoldsWithoutAWriter() async throws {
        let appender = Appender(
            configuration: try PostgresConfiguration(url: "postgres:///nowhere"), logger: quietLogger)
        let error = await Self.failure { try await appender.append(Command(Cast().grant()), deadline: .milliseconds(10)) }
        #expect(error?.code == .deadlineExceeded && error?.outcomeUnknown == false)
        await appender.shutdown()
    }

    private static func failure(_ body: () async throws -> AppendResult) async -> AppendError? {
        do {
            _ = try await body()
            return nil
        } catch { return error as? AppendError }
    }

    /// Until it holds, or the suite's time is over.
    private static func wait(until condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(2)) }
    }
}
