import CPostgres

/// Asks the server to cancel what a connection is running.
///
/// `@unchecked Sendable`: a PGcancel is a copy of what is needed and independent of its connection; libpq allows any thread
/// to use it.
final class CancelRequest: @unchecked Sendable {
    private let pointer: OpaquePointer

    /// Nil when the connection is broken.
    init?(_ connection: OpaquePointer) {
        guard let pointer = PQgetCancel(connection) else { return nil }
        self.pointer = pointer
    }

    deinit { PQfreeCancel(pointer) }

    /// Connects and sends the request; blocks until the server has passed it on or the network gives up.
    func send() {
        var problem = [CChar](repeating: 0, count: 256)
        _ = PQcancel(pointer, &problem, 256)
    }
}
