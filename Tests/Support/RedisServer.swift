import Foundation
import Synchronization

/// A redis-server of a test's own, in a temporary folder, on a unix socket and a loopback port that are free.
///
/// It can be stopped, killed and started again at the same addresses. Call ``tearDown()`` at the end.
public final class RedisServer: Sendable {
    public enum Encryption: Sendable {
        case none
        /// The TCP port speaks TLS with a certificate for `localhost` and 127.0.0.1 of an authority made for this server.
        case tls
    }

    public let folder: String
    public let port: Int
    private let encryption: Encryption
    private let settings: [String]
    private let process = Mutex<ChildProcess?>(nil)

    /// The URL over the unix socket.
    public var socketURL: String { "unix://\(folder)/redis.sock" }
    /// The URL over TCP; with TLS it names the authority's file.
    public var url: String {
        switch encryption {
        case .none: "redis://127.0.0.1:\(port)"
        case .tls: "rediss://localhost:\(port)?cacert=\(folder)/ca.crt"
        }
    }

    /// Starts a server and waits until it answers.
    /// - Parameter settings: further words of the command line, such as `["--requirepass", "secret"]`.
    public init(encryption: Encryption = .none, settings: [String] = []) async throws {
        // A socket's path may have only 107 bytes, so the folder lies directly in /tmp.
        let folder = "/tmp/redis-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.folder = folder
        self.port = try freePort()
        self.encryption = encryption
        self.settings = settings
        if case .tls = encryption { try await makeCertificates(in: folder) }
        try await start()
    }

    /// The number of the running process.
    public var processIdentifier: Int32? { process.withLock { $0?.processIdentifier } }

    /// Starts the server at its addresses and waits until it listens.
    public func start() async throws {
        let ports =
            switch encryption {
            case .none: ["--port", "\(port)"]
            case .tls:
                [
                    "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", "\(folder)/server.crt", "--tls-key-file",
                    "\(folder)/server.key", "--tls-ca-cert-file", "\(folder)/ca.crt", "--tls-auth-clients", "no",
                ]
            }
        let server = try ChildProcess(
            "redis-server",
            ports + [
                "--bind", "127.0.0.1", "--unixsocket", "\(folder)/redis.sock", "--dir", folder, "--save", "", "--appendonly",
                "no", "--maxmemory-policy", "noeviction", "--enable-debug-command", "yes", "--logfile",
                "\(folder)/redis.log", "--loglevel", "warning",
            ] + settings)
        process.withLock { $0 = server }
        let deadline = ContinuousClock.now + .seconds(60)
        // It listens on the port a moment before it does on the socket.
        while !accepts(port: port) || !acceptsOnSocket("\(folder)/redis.sock") {
            guard server.isRunning, ContinuousClock.now < deadline else {
                let log = (try? String(contentsOfFile: "\(folder)/redis.log", encoding: .utf8)) ?? ""
                throw ChildProcess.Failure(description: "redis-server did not start: \(log.suffix(500))")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Ends the server in order.
    public func stop() async { await end(SIGTERM) }

    /// Ends the server at once, as a crash does.
    public func kill() async { await end(SIGKILL) }

    public func restart() async throws {
        await kill()
        try await start()
    }

    /// Freezes the server: its sockets stay open and nothing is answered until ``resume()``.
    public func pause() { signal(SIGSTOP) }

    public func resume() { signal(SIGCONT) }

    /// Kills the server and removes its folder.
    public func tearDown() async {
        await kill()
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func signal(_ number: Int32) { process.withLock { $0 }?.signal(number) }

    private func end(_ number: Int32) async {
        guard let server = process.withLock({ $0.take() }) else { return }
        server.signal(number)
        // A frozen one hears the other only now.
        await server.end(SIGCONT)
        try? FileManager.default.removeItem(atPath: "\(folder)/redis.sock")
    }
}

/// Makes an authority and a server's certificate with openssl: ca.crt, server.crt, server.key.
private func makeCertificates(in folder: String) async throws {
    let elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    try await openssl(
        ["req", "-x509", "-keyout", "\(folder)/ca.key", "-out", "\(folder)/ca.crt", "-subj", "/CN=test authority"] + elliptic)
    try await openssl(
        [
            "req", "-x509", "-CA", "\(folder)/ca.crt", "-CAkey", "\(folder)/ca.key", "-keyout", "\(folder)/server.key", "-out",
            "\(folder)/server.crt", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext",
            "basicConstraints=critical,CA:FALSE",
        ] + elliptic)
}

private func openssl(_ arguments: [String]) async throws {
    let status = await (try ChildProcess("openssl", arguments)).wait()
    guard status == 0 else { throw ChildProcess.Failure(description: "openssl \(arguments[0]) ended with \(status)") }
}

private func withLoopbackSocket<R>(port: Int, _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) throws -> R) throws -> R {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw ChildProcess.Failure(description: "no socket") }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return try withUnsafePointer(to: &address) { pointer in
        try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            try body(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// A port of the loopback interface that nobody listened on a moment ago.
public func freePort() throws -> Int {
    for _ in 0..<1_000 {
        let port = 20_000 + Int(nextPort.wrappingAdd(1, ordering: .relaxed).oldValue % 10_000)
        let isFree = try withLoopbackSocket(port: port) { descriptor, address, length in bind(descriptor, address, length) == 0 }
        if isFree { return port }
    }
    throw ChildProcess.Failure(description: "no free port")
}

/// Below the ports that the system gives to connections, and each port once: what the system calls free may be taken before
/// the server that it is for has started.
private let nextPort = Atomic<UInt>(UInt.random(in: 0..<10_000))

private func acceptsOnSocket(_ path: String) -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
        }
    }
}

private func accepts(port: Int) -> Bool {
    (try? withLoopbackSocket(port: port) { descriptor, address, length in connect(descriptor, address, length) == 0 }) ?? false
}
