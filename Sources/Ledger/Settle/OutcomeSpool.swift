public import Logging
import Synchronization

/// Keeps outcomes on the local disk while Postgres is away. What it accepted is fsynced.
///
/// A folder of files of records; writes that come together share one fsync. After a write that failed nobody knows what is in
/// its file, so the file is left to the next drain and a new one is begun.
public final class OutcomeSpool: Sendable {
    /// The spool can't take a record now.
    public struct Unwritable: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    private struct Pending {
        let record: [UInt8]
        let caller: CheckedContinuation<Result<Void, Unwritable>, Never>
    }

    /// Someone who asks whether there is room, and hears it once: from the disk, or that it took too long to say.
    private final class Asker: Sendable {
        private let caller: Mutex<CheckedContinuation<Bool, Never>?>

        init(_ caller: CheckedContinuation<Bool, Never>) { self.caller = Mutex(caller) }

        func answer(_ hasRoom: Bool) {
            let waiting = caller.withLock { caller in
                defer { caller = nil }
                return caller
            }
            waiting?.resume(returning: hasRoom)
        }
    }

    private struct State {
        var pending: [Pending] = []
        var isWriting = false
        /// Those who ask whether there is room.
        var askers: [Asker] = []
        var isTrying = false
        var isWritable = true
        /// Commands that wait, by file. What a failed write has left in its file was promised to nobody and is not counted.
        var counts: [String: Int] = [:]
        /// The file that is written to, or nil when the next write begins one.
        var file: (any SpoolFile)?
        var path = ""
        var bytes = 0
        var nextNumber = 1
    }

    private static let segmentBytes = 16 * 1024 * 1024
    /// What a trial writes: dozens of outcomes.
    private static let trial = [UInt8](repeating: 0x20, count: 64 * 1024)

    private let directory: String
    private let logger: Logger
    private let disk: any SpoolDisk
    private let lock: any SpoolFile
    private let state = Mutex(State())

    /// - Parameter directory: is created when it is missing; one process at a time. Blocks on the disk.
    /// - Throws: `FileError`, for which `isLocked` is true when another process has the folder.
    public convenience init(directory: String, logger: Logger) throws {
        try self.init(directory: directory, disk: MachineDisk(), logger: logger)
    }

    package init(directory: String, disk: any SpoolDisk, logger: Logger) throws {
        self.directory = directory
        self.disk = disk
        self.logger = logger
        try disk.make(directory)
        lock = try disk.open("\(directory)/lock", .append)
        try lock.lock()
        for segment in try segments() {
            let count = try segment.read(from: disk).commands.count
            state.withLock { $0.counts[segment.path] = count }
        }
        try begin()
    }

    /// Writes a command and returns when it is on the disk.
    public func write(_ command: Command) async throws(Unwritable) {
        let record = SpoolRecord.encode(command)
        let result = await withCheckedContinuation { (caller: CheckedContinuation<Result<Void, Unwritable>, Never>) in
            let begins = state.withLock { state in
                state.pending.append(Pending(record: record, caller: caller))
                defer { state.isWriting = true }
                return !state.isWriting
            }
            if begins { disk.submit { self.writePending() } }
        }
        try result.get()
    }

    /// Whether the last write succeeded and another can be expected to; false is not ready.
    public var isWritable: Bool { state.withLock { $0.isWritable } }

    /// Commands that wait to be appended.
    public var count: Int { state.withLock { $0.counts.values.reduce(0, +) } }

    /// Whether the disk takes what outcomes need, really tried, because it says so only when it is written to. Nothing of it stays.
    ///
    /// Those who ask at the same time share one trial, and what is written in the meantime is one.
    /// - Parameter limit: After this long it counts as none.
    @discardableResult
    func hasRoom(within limit: Duration? = nil, of surroundings: Surroundings = .machine) async -> Bool {
        await withCheckedContinuation { (caller: CheckedContinuation<Bool, Never>) in
            let asker = Asker(caller)
            if let limit {
                Task(executorPreference: surroundings.executor) {
                    await surroundings.sleep(limit)
                    asker.answer(false)
                }
            }
            let begins = state.withLock { state in
                state.askers.append(asker)
                defer { state.isTrying = true }
                return !state.isTrying
            }
            if begins { disk.submit { self.answerAskers() } }
        }
    }

    /// Tries the disk every ten seconds, until cancelled, so that it is known before an outcome comes whether it has a place.
    public func watch() async {
        while !Task.isCancelled {
            await hasRoom()
            try? await Task.sleep(for: .seconds(10))
        }
    }

    /// Ends the file that is written to, and gives every file that there is, oldest first.
    func close() async throws(FileError) -> [SpoolSegment] {
        try await disk.run { () throws(FileError) in
            self.state.withLock { $0.file = nil }
            return try self.segments()
        }
    }

    /// Reads a closed file; nil when it has been removed.
    func read(_ segment: SpoolSegment) async throws(FileError) -> SpoolSegment.Contents? {
        try await disk.run { () throws(FileError) in
            guard self.disk.exists(segment.path) else { return nil }
            return try segment.read(from: self.disk)
        }
    }

    /// Forgets a file whose commands are all in the ledger; a damaged one is kept under another name.
    func remove(_ segment: SpoolSegment, _ contents: SpoolSegment.Contents) async throws(FileError) {
        try await disk.run { () throws(FileError) in
            guard self.disk.exists(segment.path) else { return }
            if contents.damaged == 0 {
                try self.disk.remove(segment.path)
            } else {
                try self.disk.rename(segment.path, to: "\(segment.path).damaged")
            }
            self.state.withLock { $0.counts[segment.path] = nil }
            try self.disk.sync(self.directory)
        }
    }

    /// Keeps a command that the ledger refuses for good, with the reason, for a person to look at.
    func park(_ command: Command, reason: String) async throws(FileError) {
        try await disk.run { () throws(FileError) in
            let file = try self.disk.open("\(self.directory)/refused", .append)
            try file.write(Array("# \(Timestamp.now) \(reason)\n".utf8) + SpoolRecord.encode(command))
            try file.sync()
            try self.disk.sync(self.directory)
        }
    }

    /// On the spool's own thread: writes what is pending; what comes meanwhile is behind those who ask or drain.
    private func writePending() {
        let pending = state.withLock { state in
            defer { state.pending = [] }
            return state.pending
        }
        let result: Result<Void, Unwritable>
        do {
            try write(pending)
            result = .success(())
        } catch {
            state.withLock { state in
                state.isWritable = false
                state.file = nil
            }
            logger.critical("the spool did not take outcomes", metadata: ["error": "\(error)", "count": "\(pending.count)"])
            result = .failure(Unwritable(description: "\(error)"))
        }
        for waiting in pending { waiting.caller.resume(returning: result) }
        // Those who ask have heard enough by a write that succeeded.
        let isProved = (try? result.get()) != nil
        let (askers, goesOn) = state.withLock { state in
            state.isWriting = !state.pending.isEmpty
            guard isProved else { return ([Asker](), state.isWriting) }
            defer { state.askers = [] }
            return (state.askers, state.isWriting)
        }
        for asker in askers { asker.answer(true) }
        if goesOn { disk.submit { self.writePending() } }
    }

    /// On the spool's own thread: one trial for all who have asked before it. Those of meanwhile come behind what is to be written.
    private func answerAskers() {
        let askers = state.withLock { state in
            defer { state.askers = [] }
            state.isTrying = !state.askers.isEmpty
            return state.askers
        }
        // A write has answered them all.
        guard !askers.isEmpty else { return }
        let hasRoom = tryDisk()
        for asker in askers { asker.answer(hasRoom) }
        let goesOn = state.withLock { state in
            state.isTrying = !state.askers.isEmpty
            return state.isTrying
        }
        if goesOn { disk.submit { self.answerAskers() } }
    }

    private func tryDisk() -> Bool {
        var problem: FileError?
        do throws(FileError) {
            let path = "\(directory)/trial"
            // One that could not be removed must not grow with each trial.
            if disk.exists(path) { try disk.remove(path) }
            let file = try disk.open(path, .append)
            do throws(FileError) {
                try file.write(Self.trial)
                try file.sync()
            } catch { problem = error }
            try disk.remove(path)
        } catch { problem = problem ?? error }
        let isWritable = problem == nil
        let wasWritable = state.withLock { state in
            defer { state.isWritable = isWritable }
            return state.isWritable
        }
        if let problem, wasWritable { logger.critical("the spool is not writable", metadata: ["error": "\(problem)"]) }
        if isWritable, !wasWritable { logger.notice("the spool is writable again") }
        return isWritable
    }

    private func write(_ pending: [Pending]) throws(FileError) {
        let current = state.withLock { $0.bytes >= Self.segmentBytes ? nil : $0.file }
        let file: any SpoolFile
        if let current { file = current } else { file = try begin() }
        let bytes = pending.flatMap(\.record)
        try file.write(bytes)
        try file.sync()
        state.withLock { state in
            state.bytes += bytes.count
            state.counts[state.path, default: 0] += pending.count
            state.isWritable = true
        }
    }

    /// Begins a new file.
    @discardableResult
    private func begin() throws(FileError) -> any SpoolFile {
        var number = state.withLock { $0.nextNumber }
        while disk.exists(path(number)) || disk.exists("\(path(number)).damaged") { number += 1 }
        let path = path(number)
        let file = try disk.open(path, .create)
        do throws(FileError) {
            try file.sync()
            try disk.sync(directory)
        } catch {
            // It is tried every second, and a disk that is full for a night must not end with a file of each.
            try? disk.remove(path)
            throw error
        }
        state.withLock { state in
            state.file = file
            state.path = path
            state.bytes = 0
            state.nextNumber = number + 1
            state.isWritable = true
        }
        return file
    }

    private func path(_ number: Int) -> String {
        let digits = String(number)
        return "\(directory)/\(String(repeating: "0", count: max(0, 8 - digits.utf8.count)))\(digits)\(SpoolSegment.suffix)"
    }

    private func segments() throws(FileError) -> [SpoolSegment] {
        try disk.names(directory).filter { $0.hasSuffix(SpoolSegment.suffix) }.map {
            SpoolSegment(path: "\(directory)/\($0)")
        }
    }
}
