package import Glibc

/// An open file, closed when nothing refers to it. Its calls block: make them in `Blocking.run`.
package final class File: Sendable {
    package let path: String
    private let descriptor: Int32

    /// How to open.
    package enum Access {
        case read
        /// Reads and appends; makes the file when it is missing.
        case append
        /// Makes the file and fails when it is there.
        case create
    }

    package init(_ path: String, _ access: Access, mode: mode_t = 0o600) throws(FileError) {
        let flags =
            switch access {
            case .read: O_RDONLY
            case .append: O_RDWR | O_APPEND | O_CREAT
            case .create: O_RDWR | O_CREAT | O_EXCL
            }
        let descriptor = open(path, flags | O_CLOEXEC, mode)
        if descriptor < 0 { throw FileError("open", path) }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Takes the file for this process, or throws at once when another has it. The lock ends with the file.
    package func lock() throws(FileError) {
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 { throw FileError("flock", path) }
    }

    package func write(_ bytes: [UInt8]) throws(FileError) {
        var start = 0
        while start < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + start }, buffer.count - start)
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw FileError("write", path)
            }
            start += written
        }
    }

    /// Returns when what was written is on the disk. After an error nobody knows what is there: the file must be given up.
    package func sync() throws(FileError) {
        while fsync(descriptor) != 0 {
            if errno != EINTR { throw FileError("fsync", path) }
        }
    }

    /// How many bytes there are.
    package func length() throws(FileError) -> Int {
        let end = lseek(descriptor, 0, SEEK_END)
        if end < 0 { throw FileError("lseek", path) }
        return Int(end)
    }

    package func truncate(to length: Int) throws(FileError) {
        if ftruncate(descriptor, off_t(length)) != 0 { throw FileError("ftruncate", path) }
    }

    /// All bytes from the beginning, or from another place on; none behind the end.
    package func readAll(from start: Int = 0) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let offset = off_t(start + bytes.count)
            let count = chunk.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, offset) }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError("read", path)
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}

/// What is done with names rather than with contents.
package enum Folder {
    /// Makes the folder, and those above it that are missing, with a mode that the umask takes from.
    package static func make(_ path: String, mode: mode_t = 0o700) throws(FileError) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/\(part)"
            if mkdir(made, mode) != 0 && errno != EEXIST { throw FileError("mkdir", made) }
        }
    }

    /// Returns when the names in the folder are on the disk.
    package static func sync(_ path: String) throws(FileError) { try File(path, .read).sync() }

    package static func remove(_ path: String) throws(FileError) {
        if unlink(path) != 0 { throw FileError("unlink", path) }
    }

    package static func rename(_ from: String, to: String) throws(FileError) {
        if Glibc.rename(from, to) != 0 { throw FileError("rename", from) }
    }

    /// Gives a finished file its name, unless the name is taken already: then that one stays.
    package static func publish(_ from: String, as path: String) throws(FileError) {
        if link(from, path) != 0 && errno != EEXIST { throw FileError("link", path) }
        try remove(from)
    }

    /// The names in the folder, sorted.
    package static func names(_ path: String) throws(FileError) -> [String] {
        guard let folder = opendir(path) else { throw FileError("opendir", path) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
