import Glibc

/// What the file system refused.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The system call, for example `fsync`.
    public let operation: String
    public let path: String
    /// The system's error number.
    public let number: Int32

    init(_ operation: String, _ path: String) {
        self.operation = operation
        self.path = path
        number = errno
    }

    package init(_ operation: String, _ path: String, number: Int32) {
        self.operation = operation
        self.path = path
        self.number = number
    }

    /// Another process holds the file.
    public var isLocked: Bool { operation == "flock" && number == EWOULDBLOCK }

    public var description: String { "\(operation) \(path): \(String(cString: strerror(number)))" }
}
