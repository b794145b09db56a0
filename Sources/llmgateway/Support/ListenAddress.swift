import Glibc
import NIOCore
import NIOPosix

/// Where `serve` will take requests.
enum ListenAddress {
    /// The URL of a server there. An IPv6 address stands in brackets, because its colons would end where the port begins.
    static func url(host: String, port: Int) -> String {
        "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    /// Opens the address and closes it again. `serve` asks before it starts anything: a server that fails to open among a dozen
    /// running services ends them all, each with words of its own.
    ///
    /// - Throws: `SettingsError` saying why nothing can listen there, and what to change.
    static func check(host: String, port: Int, on group: any EventLoopGroup) async throws(SettingsError) {
        let reason: String
        do {
            let listener = try await ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port).get()
            try await listener.close()
            return
        } catch let error as IOError {
            switch error.errnoCode {
            case EADDRINUSE: reason = "another program listens there"
            case EACCES: reason = "this user may not listen there"
            case EADDRNOTAVAIL: reason = "this machine has no such address"
            default: reason = String(cString: strerror(error.errnoCode))
            }
        } catch {
            reason = "the host is not known"
        }
        throw SettingsError(
            message:
                "can't listen on \(host), port \(port): \(reason); choose another with --port, LLMGATEWAY_PORT or LLMGATEWAY_HOST"
        )
    }
}
