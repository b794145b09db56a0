import CPostgres
import Logging

/// Writes the server's notices to the log at debug.
final class NoticeSink: Sendable {
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Makes a connection's notices go to a sink. The caller releases what is returned after it has finished the connection.
    static func install(on connection: OpaquePointer, logger: Logger) -> Unmanaged<NoticeSink> {
        let sink = Unmanaged.passRetained(NoticeSink(logger: logger))
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let result else { return }
                Unmanaged<NoticeSink>.fromOpaque(context).takeUnretainedValue().receive(result)
            }, sink.toOpaque())
        return sink
    }

    private func receive(_ result: OpaquePointer) {
        logger.debug(
            "notice from Postgres",
            metadata: [
                "severity": "\(postgres_error_severity(result).map { String(cString: $0) } ?? "")",
                "message": "\(postgres_error_message(result).map { String(cString: $0) } ?? "")",
            ])
    }
}
