import Foundation
import TestSupport

/// A port that listens and takes no connection: its queue is full of connections that nobody accepts.
enum FullListener {
    static func with<Value>(_ body: (Int) async throws -> Value) async throws -> Value {
        var open: [Int32] = []
        defer { for descriptor in open { close(descriptor) } }
        func makeSocket(_ flags: Int32 = 0) throws -> Int32 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue) | flags, 0)
            guard descriptor >= 0 else { throw ChildProcess.Failure(description: "socket: errno \(errno)") }
            open.append(descriptor)
            return descriptor
        }
        let listener = try makeSocket()
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound, listen(listener, 0) == 0 else { throw ChildProcess.Failure(description: "listen: errno \(errno)") }
        for _ in 0..<8 {
            let client = try makeSocket(Int32(SOCK_NONBLOCK.rawValue))
            _ = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client, $0, length) }
            }
        }
        return try await body(Int(UInt16(bigEndian: address.sin_port)))
    }
}
