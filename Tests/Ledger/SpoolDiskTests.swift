import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Ledger

/// What the spool does on a disk that fails, and where its outcomes go then.
@Suite struct SpoolDiskTests {
    /// What a failed fsync has left in its file was promised to nobody: it is not counted, neither before nor after the file goes.
    @Test func aFailedWriteIsNotCounted() async throws {
        try await withFolder { folder in
            let disk = FailingDisk()
            let spool = try OutcomeSpool(directory: folder, disk: disk, logger: quietLogger)
            disk.fails = true
            await #expect(throws: OutcomeSpool.Unwritable.self) { try await spool.write(try Command(Cast().grant())) }
            disk.fails = false
            try await spool.write(try Command(Cast().grant()))
            #expect(spool.count == 1)
            for segment in try await spool.close() {
                try await spool.remove(segment, try #require(try await spool.read(segment)))
            }
            #expect(spool.count == 0)
            try await spool.write(try Command(Cast().grant()))
            #expect(spool.count == 1)
        }
    }

    /// Whoever looks again every second whether the disk is back leaves nothing behind.
    @Test func lookingForTheDiskLeavesNoFiles() async throws {
        try await withFolder { folder in
            let disk = FailingDisk()
            let spool = try OutcomeSpool(directory: folder, disk: disk, logger: quietLogger)
            disk.fails = true
            await #expect(throws: OutcomeSpool.Unwritable.self) { try await spool.write(try Command(Cast().grant())) }
            let before = try FileManager.default.contentsOfDirectory(atPath: folder).count
            for _ in 0..<5 { #expect(await !spool.hasRoom()) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == before)
            #expect(!spool.isWritable)
            disk.fails = false
            #expect(await spool.hasRoom())
            #expect(spool.isWritable)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == before)
        }
    }

    /// A trial that stays would take a little more of the disk each time.
    @Test func aTrialThatCanNotBeRemovedIsNoRoomAndDoesNotGrow() async throws {
        try await withFolder { folder in
            let disk = FailingDisk()
            let spool = try OutcomeSpool(directory: folder, disk: disk, logger: quietLogger)
            disk.keeps = true
            for _ in 0..<3 { #expect(await !spool.hasRoom()) }
            #expect(try Data(contentsOf: URL(filePath: folder + "/trial")).count == 64 * 1024)
            disk.keeps = false
            #expect(await spool.hasRoom())
            #expect(!FileManager.default.fileExists(atPath: folder + "/trial"))
        }
    }

    /// Whoever asks is in others' way, and a disk may take minutes.
    @Test func aDiskThatDoesNotSayInTimeHasNoRoom() async throws {
        try await withFolder { folder in
            let disk = FailingDisk()
            let spool = try OutcomeSpool(directory: folder, disk: disk, logger: quietLogger)
            disk.holds = true
            #expect(await !spool.hasRoom(within: .milliseconds(10)))
            // What is written shows that there is room, and a trial need not come first.
            let command = try Command(Cast().grant())
            async let isThere = spool.hasRoom(within: .seconds(30))
            async let written: Void = spool.write(command)
            let limit = ContinuousClock.now + .seconds(30)
            while disk.held.count < 2 && ContinuousClock.now < limit { try await Task.sleep(for: .milliseconds(5)) }
            try await Task.sleep(for: .milliseconds(500))
            let last = try #require(disk.held.last)
            last()
            try await written
            #expect(await isThere)
            disk.holds = false
            for body in disk.held.dropLast() { body() }
            #expect(await spool.hasRoom())
        }
    }

    /// Two drains at once: the slower finds nothing.
    @Test func aFileThatIsGoneIsNoFailure() async throws {
        try await withFolder { folder in
            let spool = try OutcomeSpool(directory: folder, logger: quietLogger)
            try await spool.write(try Command(Cast().grant()))
            let segment = try #require(try await spool.close().first)
            let contents = try #require(try await spool.read(segment))
            try await spool.remove(segment, contents)
            #expect(try await spool.read(segment) == nil)
            try await spool.remove(segment, contents)
            #expect(spool.count == 0)
        }
    }

    /// An outcome that nothing took is appended when the ledger is back, so that its hold does not stand until the process ends.
    @Test func whatNothingTookIsTriedAgain() async throws {
        try await withFolder { folder in
            let server = StandInServer()
            let disk = FailingDisk()
            let appender = Appender(
                server: server, surroundings: .machine, patience: .milliseconds(50), logger: quietLogger)
            let running = Task { try await appender.run() }
            let spool = try OutcomeSpool(directory: folder, disk: disk, logger: quietLogger)
            let writer = OutcomeWriter(appender: appender, spool: spool, surroundings: .machine, logger: quietLogger) { _, _ in
                nil
            }
            server.isAway = true
            disk.fails = true
            let event = try Cast().grant()
            await #expect(throws: OutcomeSpool.Unwritable.self) {
                try await writer.settle(event, deadline: .milliseconds(200))
            }
            let background = Task { await writer.run() }
            server.isAway = false
            let limit = ContinuousClock.now + .seconds(30)
            while server.appended.isEmpty && ContinuousClock.now < limit { try await Task.sleep(for: .milliseconds(5)) }
            background.cancel()
            await background.value
            await appender.shutdown()
            try await running.value
            #expect(server.appended == [event.id])
        }
    }
}

/// A disk whose files can be written and not synced, or not removed, or that says nothing.
private final class FailingDisk: SpoolDisk {
    private let machine = MachineDisk()
    private struct State {
        var fails = false
        var keeps = false
        var holds = false
        var held: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    var fails: Bool {
        get { state.withLock { $0.fails } }
        set { state.withLock { $0.fails = newValue } }
    }

    /// Whether no file can be removed.
    var keeps: Bool {
        get { state.withLock { $0.keeps } }
        set { state.withLock { $0.keeps = newValue } }
    }

    /// Whether what may block is not begun.
    var holds: Bool {
        get { state.withLock { $0.holds } }
        set { state.withLock { $0.holds = newValue } }
    }

    /// What was not begun.
    var held: [@Sendable () -> Void] { state.withLock { $0.held } }

    private struct Open: SpoolFile {
        let disk: FailingDisk
        let file: any SpoolFile

        func lock() throws(FileError) { try file.lock() }
        func write(_ bytes: [UInt8]) throws(FileError) { try file.write(bytes) }
        func sync() throws(FileError) {
            if disk.fails { throw FileError("fsync", "", number: 5) }
            try file.sync()
        }
        func readAll() throws(FileError) -> [UInt8] { try file.readAll() }
    }

    func open(_ path: String, _ access: File.Access) throws(FileError) -> any SpoolFile {
        Open(disk: self, file: try machine.open(path, access))
    }
    func make(_ path: String) throws(FileError) { try machine.make(path) }
    func sync(_ path: String) throws(FileError) { try machine.sync(path) }
    func remove(_ path: String) throws(FileError) {
        if keeps { throw FileError("unlink", path, number: 5) }
        try machine.remove(path)
    }
    func rename(_ from: String, to: String) throws(FileError) { try machine.rename(from, to: to) }
    func names(_ path: String) throws(FileError) -> [String] { try machine.names(path) }
    func exists(_ path: String) -> Bool { machine.exists(path) }
    func submit(_ body: @escaping @Sendable () -> Void) {
        let isHeld = state.withLock { state in
            if state.holds { state.held.append(body) }
            return state.holds
        }
        if !isHeld { machine.submit(body) }
    }
}

/// A ledger that is away at times, and takes everything at others.
private final class StandInServer: AppendServer {
    private struct Away: Error {}
    private let state = Mutex((isAway: false, appended: [EventID]()))

    var isAway: Bool {
        get { state.withLock { $0.isAway } }
        set { state.withLock { $0.isAway = newValue } }
    }

    var appended: [EventID] { state.withLock { $0.appended } }

    func connect() async throws -> any AppendSession {
        if isAway { throw Away() }
        return Session(server: self)
    }

    private struct Session: AppendSession {
        let server: StandInServer

        var isOpen: Bool { !server.isAway }

        func append(_ commands: [Command]) async throws(PostgresError) -> [AppendResult]? {
            if server.isAway { throw PostgresError(.connectionLost, "away", outcomeUnknown: false) }
            return server.state.withLock { state in
                commands.map { command in
                    state.appended.append(command.events[0].id)
                    let position = Int64(state.appended.count)
                    return .appended(first: position, last: position)
                }
            }
        }

        func ask() async throws(PostgresError) {
            if server.isAway { throw PostgresError(.connectionLost, "away", outcomeUnknown: false) }
        }

        func close() async {}
    }
}
