import Foundation
import Synchronization
import TestSupport

/// A server that answers whole requests with bytes that no HTTP library would write: one script entry per request, on as
/// many connections as the client likes.
final class RawServer: Sendable {
    enum Step: Sendable {
        /// Writes the bytes and keeps the connection.
        case write(String)
        /// Writes the bytes and closes in good order.
        case writeAndClose(String)
        /// Writes the bytes and cuts the connection off.
        case writeAndReset(String)
        /// Cuts the connection off when this much of the request's body has come.
        case resetAfterReading(String)
        /// Works for so many milliseconds and then cuts the connection off.
        case resetAfter(Int)
    }

    let port: Int
    private let listener: Int32
    private let script: Mutex<[Step]>
    let requests = Atomic(0)
    let connections = Atomic(0)
    /// Connections that are closed, by whichever side.
    let closed = Atomic(0)
    private let open = Mutex<Set<Int32>>([])

    private init(_ script: [Step]) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard bound, listen(listener, 128) == 0 else { throw ChildProcess.Failure(description: "listen: errno \(errno)") }
        port = Int(UInt16(bigEndian: address.sin_port))
        self.script = Mutex(script)
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                // Closed here and nowhere else: a number that is free again may be another test's listener by now.
                if client < 0 { return _ = close(listener) }
                connections.add(1, ordering: .relaxed)
                _ = open.withLock { $0.insert(client) }
                Thread.detachNewThread { [self] in serve(client) }
            }
        }
    }

    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    static func with<Value>(_ script: [Step], _ body: (RawServer) async throws -> Value) async throws -> Value {
        let server = try RawServer(script)
        defer { server.stop() }
        return try await body(server)
    }

    private func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        open.withLock { for client in $0 { shutdown(client, Int32(SHUT_RDWR)) } }
    }

    private func serve(_ client: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var pending = Data()
        defer {
            _ = open.withLock { $0.remove(client) }
            close(client)
            closed.add(1, ordering: .relaxed)
        }
        while true {
            let count = recv(client, &buffer, buffer.count, 0)
            if count <= 0 { return }
            pending.append(contentsOf: buffer[0..<count])
            guard pending.range(of: Data("\r\n\r\n".utf8)) != nil else { continue }
            // Requests of these tests have no body, or one that came with the head.
            defer { pending.removeAll() }
            requests.add(1, ordering: .relaxed)
            guard let step = script.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { continue }
            switch step {
            case .write(let text):
                write(client, text)
            case .writeAndClose(let text):
                write(client, text)
                return
            case .writeAndReset(let text):
                write(client, text)
                return reset(client)
            case .resetAfterReading(let text):
                while pending.range(of: Data(text.utf8)) == nil {
                    let count = recv(client, &buffer, buffer.count, 0)
                    if count <= 0 { return }
                    pending.append(contentsOf: buffer[0..<count])
                }
                return reset(client)
            case .resetAfter(let milliseconds):
                usleep(UInt32(milliseconds) * 1_000)
                return reset(client)
            }
        }
    }

    /// Makes the close that follows a reset.
    private func reset(_ client: Int32) {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    private func write(_ client: Int32, _ text: String) {
        let bytes = Array(text.utf8)
        _ = send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}
