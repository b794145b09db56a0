import ServiceLifecycle

/// A loop of the process that ends when the process is asked to stop.
struct BackgroundService: Service {
    let name: String
    let body: @Sendable () async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.body = body
    }

    func run() async throws {
        // A loop that returns by itself must not end the process: the group takes a finished service for a failure.
        try await cancelWhenGracefulShutdown {
            try await body()
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
        }
    }
}

/// Something that others write to until they have stopped: it ends by its own shutdown, not by cancellation.
struct OutlivingService: Service {
    let body: @Sendable () async throws -> Void
    let shutdown: @Sendable () async -> Void

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await body()
        } onGracefulShutdown: {
            // Unstructured, because the handler is synchronous; `body` returns when the shutdown is complete.
            Task { await shutdown() }
        }
    }
}
