import CPostgres
import Glibc
import Synchronization

/// Short-lived threads for the calls of libpq that may block: name resolution, the handshakes of a new connection (TLS and
/// SCRAM cost milliseconds of CPU) and cancel requests. Neither the reactor nor a cooperative thread may wait for these.
enum HelperThread {
    private static let running = Atomic<Int>(0)
    private static let limit = 64

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a thread of its own; false when too many run already or none can be made, and then `body` never runs.
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        guard running.add(1, ordering: .relaxed).newValue <= limit else {
            running.subtract(1, ordering: .relaxed)
            return false
        }
        let started = detach {
            body()
            running.subtract(1, ordering: .relaxed)
        }
        if !started { running.subtract(1, ordering: .relaxed) }
        return started
    }

    /// A detached thread that is not counted.
    static func detach(_ body: @escaping @Sendable () -> Void) -> Bool {
        let box = Unmanaged.passRetained(Body(body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 1 << 20)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        if result != 0 { box.release() }
        return result == 0
    }
}
