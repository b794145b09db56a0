import Ledger

/// The disk of one machine: what was written is in memory until it is synced, and a crash leaves as much of the rest as chance wants.
///
/// It belongs to the machine, so it outlives the processes that spool to it.
// Sendable because only the thread that runs the simulation ever touches it.
final class SimulatedDisk: @unchecked Sendable {
    fileprivate struct Content {
        var bytes: [UInt8] = []
        /// So many are on the disk for certain.
        var synced = 0
    }

    fileprivate var files: [String: Content] = [:]
    /// Who may write: the process that runs now.
    private(set) var owner: SimulatedProcess?
    private let scheduler: Scheduler
    private let mutation: Mutation?
    /// One write in so many fails, or is the last thing that the process does; 0 is none.
    var faultRate = 0

    init(_ scheduler: Scheduler, mutation: Mutation?) {
        self.scheduler = scheduler
        self.mutation = mutation
    }

    /// Another process takes the disk after the one before it has died. A power cut tears what was not synced.
    func begin(for process: SimulatedProcess, afterPowerCut: Bool) {
        owner = process
        guard afterPowerCut else { return }
        for name in files.keys.sorted() {
            guard let content = files[name], content.synced < content.bytes.count else { continue }
            let kept = content.synced + scheduler.random.below(content.bytes.count - content.synced + 1)
            files[name]?.bytes = Array(content.bytes[..<kept])
        }
    }

    /// The bytes of all files, whether synced or not.
    var contents: [String: [UInt8]] { files.mapValues(\.bytes) }

    /// The view of one process.
    func view(of process: SimulatedProcess) -> any SpoolDisk { View(disk: self, process: process) }

    fileprivate func write(_ bytes: [UInt8], to path: String, by process: SimulatedProcess) throws(FileError) {
        try check(process, "write", path)
        if faultRate > 0, scheduler.random.once(in: faultRate) {
            let part = scheduler.random.below(bytes.count + 1)
            files[path]?.bytes += bytes[..<part]
            if scheduler.random.once(in: 2) { process.isDoomed = true }
            scheduler.note("partial write", Int64(part))
            throw FileError("write", path, number: 28)
        }
        files[path]?.bytes += bytes
    }

    fileprivate func sync(_ path: String, by process: SimulatedProcess) throws(FileError) {
        try check(process, "fsync", path)
        if mutation == .liesAboutSync { return }
        if faultRate > 0, scheduler.random.once(in: faultRate) {
            if scheduler.random.once(in: 2) { process.isDoomed = true }
            scheduler.note("failed sync")
            throw FileError("fsync", path, number: 5)
        }
        let length = files[path]?.bytes.count ?? 0
        files[path]?.synced = length
    }

    /// Nothing of a process that is dead or about to die reaches the disk.
    fileprivate func check(_ process: SimulatedProcess, _ operation: String, _ path: String) throws(FileError) {
        if process.isDead || process.isDoomed || owner !== process { throw FileError(operation, path, number: 5) }
    }

    private struct View: SpoolDisk {
        let disk: SimulatedDisk
        let process: SimulatedProcess

        func open(_ path: String, _ access: File.Access) throws(FileError) -> any SpoolFile {
            try disk.check(process, "open", path)
            switch access {
            case .read: if disk.files[path] == nil { throw FileError("open", path, number: 2) }
            case .append: if disk.files[path] == nil { disk.files[path] = Content() }
            case .create:
                if disk.files[path] != nil { throw FileError("open", path, number: 17) }
                disk.files[path] = Content()
            }
            return Open(disk: disk, process: process, path: path)
        }

        func make(_ path: String) {}
        func sync(_ path: String) throws(FileError) { try disk.check(process, "fsync", path) }
        func remove(_ path: String) throws(FileError) {
            try disk.check(process, "unlink", path)
            disk.files[path] = nil
        }

        func rename(_ from: String, to: String) throws(FileError) {
            try disk.check(process, "rename", from)
            disk.files[to] = disk.files.removeValue(forKey: from)
        }

        func names(_ path: String) throws(FileError) -> [String] {
            disk.files.keys.filter { $0.hasPrefix("\(path)/") }.map { String($0.dropFirst(path.count + 1)) }.sorted()
        }

        func exists(_ path: String) -> Bool { disk.files[path] != nil }

        func submit(_ body: @escaping @Sendable () -> Void) {
            if process.isDead { return body() }
            process.begin { [process, disk] in
                await process.pause(disk.scheduler.random.within(100...5_000))
                body()
            }
        }
    }

    private struct Open: SpoolFile {
        let disk: SimulatedDisk
        let process: SimulatedProcess
        let path: String

        func lock() throws(FileError) { try disk.check(process, "flock", path) }
        func write(_ bytes: [UInt8]) throws(FileError) { try disk.write(bytes, to: path, by: process) }
        func sync() throws(FileError) { try disk.sync(path, by: process) }
        func readAll() throws(FileError) -> [UInt8] {
            try disk.check(process, "read", path)
            return disk.files[path]?.bytes ?? []
        }
    }
}

extension SimulatedDisk {
    /// Whether a text is certainly on the disk.
    func hasSynced(_ text: String) -> Bool {
        files.values.contains { content in
            String(decoding: content.bytes[..<min(content.synced, content.bytes.count)], as: UTF8.self).contains(text)
        }
    }
}
