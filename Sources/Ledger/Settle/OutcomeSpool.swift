internal import Dispatch
internal import FoundationEssentials
public import Logging
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// Keeps outcomes on the local disk while Postgres is away. What it accepted is fsynced.
///
/// One file, `outcomes`, that only grows until everything in it is in the ledger, and is then emptied. A lock on it keeps a
/// second process out.
public final class OutcomeSpool: Sendable {
    /// Why the spool can't be used.
    public struct Unusable: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    private struct State {
        var isWritable = true
        var count = 0
        /// Bytes that are known to be whole records on the disk; what lies behind them is torn.
        var length: off_t = 0
    }

    private let writes = DispatchQueue(label: "llmgateway.spool")
    private let descriptor: Int32
    private let path: String
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameter directory: is created when it is missing; one process at a time.
    public init(directory: String, logger: Logger) throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        path = directory + "/outcomes"
        self.logger = logger
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Unusable(description: "\(path) can't be opened: \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Unusable(description: "\(path) is in use by another process: give each its own LLMGATEWAY_HOME")
        }
        // The file's own entry must survive a crash too.
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
        state = Mutex(State())
        let (records, length) = try read()
        state.withLock { state in
            state.count = records.count
            state.length = length
        }
    }

    deinit { close(descriptor) }

    /// Writes a command's events and returns when they are on the disk.
    ///
    /// The disk is waited for on a thread of its own, not on one of the cooperative pool.
    /// - Throws: `Unusable`; then nothing was accepted.
    public func write(_ command: Command) async throws {
        let lines = try command.events.flatMap { try SpoolRecord($0).line() }
        let count = command.events.count
        let failure: String? = await withCheckedContinuation { continuation in
            writes.async { continuation.resume(returning: self.append(lines, count: count)) }
        }
        if let failure { throw Unusable(description: "\(path) can't be written: \(failure)") }
    }

    /// Whether the last write succeeded; false is not ready.
    public var isWritable: Bool { state.withLock { $0.isWritable } }

    /// Outcomes that wait to be appended.
    public var count: Int { state.withLock { $0.count } }

    /// What lies in the spool, oldest first.
    func records() throws -> [SpoolRecord] { try read().records }

    /// Empties the spool when it still holds exactly `count` records; false when more came in between.
    func clear(ifCount count: Int) -> Bool {
        state.withLock { state in
            guard state.count == count, ftruncate(descriptor, 0) == 0, fsync(descriptor) == 0 else { return false }
            state.count = 0
            state.length = 0
            return true
        }
    }

    private func append(_ lines: [UInt8], count: Int) -> String? {
        state.withLock { state in
            var written = 0
            while written < lines.count {
                let result = lines.withUnsafeBytes { bytes in
                    pwrite(
                        descriptor, bytes.baseAddress.map { $0 + written }, lines.count - written, state.length + off_t(written))
                }
                if result < 0 && errno == EINTR { continue }
                guard result > 0 else { return fail(&state) }
                written += result
            }
            guard fsync(descriptor) == 0 else { return fail(&state) }
            state.length += off_t(written)
            state.count += count
            state.isWritable = true
            return nil
        }
    }

    /// What was half written is cut off, so that a later record does not follow a torn one.
    private func fail(_ state: inout State) -> String {
        let reason = String(cString: strerror(errno))
        state.isWritable = false
        ftruncate(descriptor, state.length)
        return reason
    }

    private func read() throws -> (records: [SpoolRecord], length: off_t) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Unusable(description: "\(path) can't be read")
        }
        var records: [SpoolRecord] = []
        var length = 0
        let bytes = Array(data)
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            guard let record = SpoolRecord(line: bytes[start..<end]) else { break }
            records.append(record)
            start = end + 1
            length = start
        }
        if length < bytes.count {
            logger.warning("a torn record at the end of the spool was dropped: it was never acknowledged")
        }
        return (records, off_t(length))
    }
}
