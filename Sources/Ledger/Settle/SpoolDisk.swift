/// The file system that a spool lies on: the machine's, or what stands for it in a simulation.
package protocol SpoolDisk: Sendable {
    func open(_ path: String, _ access: File.Access) throws(FileError) -> any SpoolFile
    /// The folder, and those above it.
    func make(_ path: String) throws(FileError)
    /// Returns when the names in the folder are on the disk.
    func sync(_ path: String) throws(FileError)
    func remove(_ path: String) throws(FileError)
    func rename(_ from: String, to: String) throws(FileError)
    /// The names in the folder, sorted.
    func names(_ path: String) throws(FileError) -> [String]
    func exists(_ path: String) -> Bool
    /// Runs what may block where it holds up nobody, one after the other.
    func submit(_ body: @escaping @Sendable () -> Void)
}

/// An open file of a spool; see ``File``.
package protocol SpoolFile: Sendable {
    func lock() throws(FileError)
    func write(_ bytes: [UInt8]) throws(FileError)
    func sync() throws(FileError)
    func readAll() throws(FileError) -> [UInt8]
}

extension SpoolDisk {
    func run<R: Sendable, E: Error>(_ body: @escaping @Sendable () throws(E) -> R) async throws(E) -> R {
        try await Blocking.run(by: submit, body)
    }
}

extension File: SpoolFile {
    package func readAll() throws(FileError) -> [UInt8] { try readAll(from: 0) }
}

/// The machine's.
struct MachineDisk: SpoolDisk {
    private let blocking = Blocking("llmgateway.spool")

    func open(_ path: String, _ access: File.Access) throws(FileError) -> any SpoolFile { try File(path, access) }
    func make(_ path: String) throws(FileError) { try Folder.make(path) }
    func sync(_ path: String) throws(FileError) { try Folder.sync(path) }
    func remove(_ path: String) throws(FileError) { try Folder.remove(path) }
    func rename(_ from: String, to: String) throws(FileError) { try Folder.rename(from, to: to) }
    func names(_ path: String) throws(FileError) -> [String] { try Folder.names(path) }
    func exists(_ path: String) -> Bool { Folder.exists(path) }
    func submit(_ body: @escaping @Sendable () -> Void) { blocking.submit(body) }
}
