import Logging
import ServiceLifecycle
import UnixSignals

/// Runs work in the foreground until it ends by itself or somebody stops the process with SIGINT or SIGTERM.
enum Foreground {
    private struct Work: Service {
        let body: @Sendable () async throws -> Void

        func run() async throws {
            do { try await body() } catch is CancellationError {}
        }
    }

    static func run(logger: Logger, _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await ServiceGroup(
            configuration: .init(
                services: [.init(service: Work(body: body), successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [], cancellationSignals: [.sigterm, .sigint], logger: logger)
        ).run()
    }
}
