import Foundation
import Money
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite struct SpoolTests {
    @Test func whatIsWrittenIsThereAfterARestart() async throws {
        try await withFolder { folder in
            let cast = Cast()
            let commands = try (0..<200).map { _ in Command(try cast.completion(of: .mint())) }
            do {
                let spool = try OutcomeSpool(directory: folder, logger: quietLogger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for command in commands { group.addTask { try await spool.write(command) } }
                    try await group.waitForAll()
                }
                #expect(spool.count == 200 && spool.isWritable)
            }
            let spool = try await reopen(folder)
            #expect(spool.count == 200)
            var read: [Command] = []
            for segment in try await spool.close() {
                let contents = try #require(try await spool.read(segment))
                #expect(contents.damaged == 0)
                read += contents.commands
                try await spool.remove(segment, contents)
            }
            #expect(Set(read) == Set(commands))
            #expect(spool.count == 0)
            #expect(try await spool.close().isEmpty)
            try await spool.write(commands[0])
            #expect(spool.count == 1)
        }
    }

    /// Every place at which a write may be torn, and bits that turned on the disk: what is whole is read, nothing else is.
    @Test func tornAndTurnedRecordsAreNotTaken() throws {
        var generator = SeededGenerator(seed: TestEnvironment.seed("spool"))
        let cast = Cast()
        let commands = try (0..<3).map { _ in Command(try cast.grant()) }
        let records = commands.map(SpoolRecord.encode)
        let bytes = Array(records.joined())
        let folder = NSTemporaryDirectory() + "/spool-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let segment = SpoolSegment(path: folder + "/1.spool")
        // Everywhere in the long form; else at both sides of every end and here and there.
        let ends = (0...3).map { records[..<$0].joined().count }
        let lengths = (0...bytes.count).filter { length in
            TestEnvironment.soak || ends.contains { abs($0 - length) < 3 } || Int.random(in: 0..<20, using: &generator) == 0
        }
        for length in lengths {
            try Data(bytes[..<length]).write(to: URL(filePath: segment.path))
            let contents = try segment.read(from: MachineDisk())
            var whole = 0
            while whole < 3, records[...whole].joined().count <= length { whole += 1 }
            #expect(contents.commands == Array(commands[..<whole]), "torn at \(length)")
            #expect(contents.damaged == 0)
        }
        for _ in 0..<(TestEnvironment.soak ? 10_000 : 200) {
            var turned = bytes
            turned[Int.random(in: bytes.indices, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            try Data(turned).write(to: URL(filePath: segment.path))
            let contents = try segment.read(from: MachineDisk())
            #expect(contents.commands.count == 2 || contents.commands.count == 1)
            #expect(contents.commands.allSatisfy(commands.contains))
        }
    }

    @Test func everyFieldSurvives() throws {
        let cast = Cast()
        let events = try [
            cast.authorization(of: .mint()), cast.completion(of: .mint()), cast.grant(expectedVersion: 7),
            NewEvent(
                id: .mint(), stream: .project(cast.project), expectedVersion: nil, type: "project.painted", schemaVersion: 3,
                organization: nil, data: Array(#"{"a": "\"\\\u0007é", "b": [1.50, null]}"#.utf8),
                metadata: Array(#"{"client_request_id":"ü"}"#.utf8), occurredAt: Timestamp(microseconds: -5), epoch: nil),
        ]
        let command = try Command(events)
        let record = SpoolRecord.encode(command)
        #expect(SpoolRecord.decode(record.dropLast()) == command)
    }

    @Test func oneProcessHasTheFolder() async throws {
        try await withFolder { folder in
            let first = try OutcomeSpool(directory: folder, logger: quietLogger)
            let error = #expect(throws: FileError.self) { try OutcomeSpool(directory: folder, logger: quietLogger) }
            #expect(error?.isLocked == true)
            #expect(first.count == 0)
        }
    }

    /// A folder that is gone takes nothing, and is not ready; when it is back, the spool is.
    @Test func anUnwritableSpoolIsNotReady() async throws {
        try await withFolder { folder in
            let directory = folder + "/spool"
            let spool = try OutcomeSpool(directory: directory, logger: quietLogger)
            let command = try Command(Cast().grant())
            _ = try await spool.close()
            try FileManager.default.moveItem(atPath: directory, toPath: folder + "/away")
            await #expect(throws: OutcomeSpool.Unwritable.self) { try await spool.write(command) }
            #expect(!spool.isWritable && spool.count == 0)
            #expect(await !spool.hasRoom())
            #expect(!spool.isWritable)
            try FileManager.default.moveItem(atPath: folder + "/away", toPath: directory)
            #expect(await spool.hasRoom())
            #expect(spool.isWritable)
            try await spool.write(command)
            #expect(spool.count == 1)
        }
    }
}

@Suite struct OutcomeWriterTests {
    private static func with(
        _ body: (LedgerDatabase, Appender, OutcomeWriter, OutcomeSpool, String) async throws -> Void
    ) async throws {
        try await withLedgerDatabase { database in
            try await withFolder { folder in
                try await withClient(database.service) { client in
                    try await withAppender(database.service) { appender in
                        let spool = try OutcomeSpool(directory: folder, logger: quietLogger)
                        let writer = OutcomeWriter(appender: appender, client: client, spool: spool, logger: quietLogger)
                        try await body(database, appender, writer, spool, folder)
                    }
                }
            }
        }
    }

    @Test func anOutcomeIsSettledOnce() async throws {
        try await Self.with { database, appender, writer, spool, _ in
            let cast = Cast()
            let request = RequestID.mint()
            _ = try await appender.append(Command(cast.authorization(of: request)))
            let completion = try cast.completion(of: request)
            #expect(try await writer.settle(completion) == .settled(position: 4))
            #expect(try await writer.settle(completion) == .settled(position: 4))
            // The same lies in the spool, as after a process that died between the two.
            try await spool.write(Command(completion))
            #expect(try await writer.drain() == 1)
            let reader = LedgerReader(PostgresClient(database.service, logger: quietLogger))
            #expect(try await reader.head()?.position == 4)
        }
    }

    /// T11: recovery was faster; the truth is recorded late, once, whoever brings it and however often.
    @Test func anAbandonedRequestIsSettledLateOnce() async throws {
        try await Self.with { database, appender, writer, spool, _ in
            let cast = Cast()
            let request = RequestID.mint()
            _ = try await appender.append(Command(cast.authorization(of: request)))
            let completion = try cast.completion(of: request)
            try await spool.write(Command(completion))
            _ = try await appender.append(Command(cast.abandonment(of: request)))
            #expect(try await writer.drain() == 1)
            #expect(try await writer.settle(completion) == .settledLate(position: 5))
            try await withClient(database.service) { client in
                let events = try await LedgerReader(client).stream(.request(request))
                #expect(events.map(\.type) == ["request.authorized", "request.abandoned", "request.settled_late"])
                let late = try events[2].decode(RequestSettledLate.self)
                #expect(late.outcome == (try completion.decoded()))
                #expect(events[2].occurredAt == completion.occurredAt)
            }
        }
    }

    @Test func whatTheLedgerRefusesIsKept() async throws {
        try await Self.with { _, appender, writer, spool, folder in
            let cast = Cast()
            let request = RequestID.mint()
            _ = try await appender.append(Command(cast.authorization(of: request)))
            _ = try await writer.settle(cast.completion(of: request))
            // Another outcome of the same request: a fault of ours, which must not vanish.
            let second = try cast.completion(of: request)
            await #expect(throws: OutcomeWriter.Refused.self) { try await writer.settle(second) }
            try await spool.write(Command(second))
            #expect(try await writer.drain() == 1)
            let kept = try String(contentsOfFile: folder + "/refused", encoding: .utf8)
            #expect(kept.split(separator: "\n").filter { !$0.hasPrefix("#") }.count == 2)
            #expect(kept.contains(second.id.uuid.lowercase))
            #expect(spool.count == 0)
        }
    }

    /// An authorization of which nobody knew whether it came, and that did not come.
    @Test func whatWasNeverAuthorizedAndCostsNothingIsLetGo() async throws {
        try await Self.with { _, _, writer, _, folder in
            let cast = Cast()
            var outcome = try cast.outcome(charged: 0)
            outcome.cost = .none
            let request = RequestID.mint()
            let event = try NewEvent(
                RequestFailed(outcome: outcome), stream: .request(request), expectedVersion: 1, organization: cast.organization)
            await #expect(throws: OutcomeWriter.Refused.self) { try await writer.settle(event) }
            #expect(!FileManager.default.fileExists(atPath: folder + "/refused"))
            await #expect(throws: OutcomeWriter.Refused.self) { try await writer.settle(cast.completion(of: request)) }
            #expect(FileManager.default.fileExists(atPath: folder + "/refused"), "a charge without an authorization is kept")
        }
    }

    /// Postgres goes in mid-flight: outcomes are spooled, and are in the ledger when it is back.
    @Test(.timeLimit(.minutes(2))) func whilePostgresIsAwayTheSpoolTakesOutcomes() async throws {
        try await PostgresServer.with { server in
            let database = try await LedgerDatabase(url: server.url)
            try await withFolder { folder in
                try await withClient(database.service) { client in
                    let appender = Appender(configuration: database.service, patience: .milliseconds(100), logger: quietLogger)
                    let running = Task { try await appender.run() }
                    let spool = try OutcomeSpool(directory: folder, logger: quietLogger)
                    let writer = OutcomeWriter(appender: appender, client: client, spool: spool, logger: quietLogger)
                    let cast = Cast()
                    let requests = (0..<20).map { _ in RequestID.mint() }
                    for request in requests { _ = try await appender.append(Command(cast.authorization(of: request))) }
                    try await server.stop(.immediate)
                    try await withThrowingTaskGroup(of: OutcomeWriter.Settlement.self) { group in
                        for request in requests {
                            group.addTask { try await writer.settle(cast.completion(of: request), deadline: .milliseconds(300)) }
                        }
                        for try await settlement in group { #expect(settlement == .spooled) }
                    }
                    #expect(spool.count == 20)
                    await #expect(throws: (any Error).self) { try await writer.drain() }
                    #expect(spool.count == 20)
                    try await server.start()
                    while !appender.isAvailable { try await Task.sleep(for: .milliseconds(5)) }
                    #expect(try await writer.drain() == 20)
                    #expect(spool.count == 0)
                    for request in requests {
                        #expect(try await LedgerReader(client).stream(.request(request)).last?.type == "request.completed")
                    }
                    await appender.shutdown()
                    try await running.value
                }
            }
        }
    }
}

extension NewEvent {
    fileprivate func decoded() throws -> Outcome { try JSONDecoder().decode(Outcome.self, from: Data(data)) }
}

/// The spool of a folder that another has just left, whose last task may still hold the lock for a moment.
private func reopen(_ folder: String) async throws -> OutcomeSpool {
    for _ in 0..<500 {
        do {
            return try OutcomeSpool(directory: folder, logger: quietLogger)
        } catch let error as FileError where error.isLocked {
            try await Task.sleep(for: .milliseconds(10))
        }
    }
    return try OutcomeSpool(directory: folder, logger: quietLogger)
}
