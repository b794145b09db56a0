import CCurl
import Glibc
import Logging
import Synchronization

/// The thread that a reactor lives on.
enum ReactorThread {
    private struct Start {
        let configuration: HTTPTransportConfiguration
        let certificateAuthorities: String?
        let inbox: Inbox
        let logger: Logger
    }

    private final class Box {
        let start: Start
        init(_ start: Start) { self.start = start }
    }

    /// libcurl wants this once, before any other thread uses it.
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

    /// Starts a reactor. If that can't be done the inbox is closed at once, and every request answers `.shutDown`.
    static func start(configuration: HTTPTransportConfiguration, inbox: Inbox, logger: Logger) {
        let authorities = configuration.certificateAuthorities ?? CertificateAuthorities.systemBundle()
        if authorities == nil { logger.warning("no bundle of certificate authorities was found: no TLS server will be trusted") }
        let start = Start(configuration: configuration, certificateAuthorities: authorities, inbox: inbox, logger: logger)
        let context = Unmanaged.passRetained(Box(start))
        var thread = pthread_t()
        let code = isReady ? pthread_create(&thread, nil, main, context.toOpaque()) : ENOSYS
        guard code == 0 else {
            context.release()
            logger.error("the HTTP transport's thread could not be started", metadata: ["errno": "\(code)"])
            close(inbox)
            return
        }
        pthread_detach(thread)
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
        guard let context else { return nil }
        ccurl_name_thread("http-transport")
        let start = Unmanaged<Box>.fromOpaque(context).takeRetainedValue().start
        serve(start)
        close(start.inbox)
        return nil
    }

    private static func serve(_ start: Start) {
        guard
            let reactor = Reactor(
                configuration: start.configuration, certificateAuthorities: start.certificateAuthorities, inbox: start.inbox)
        else {
            start.logger.error("the HTTP transport could not be set up", metadata: ["errno": "\(errno)"])
            return
        }
        reactor.run()
    }

    private static func close(_ inbox: Inbox) {
        for case .start(let transfer) in inbox.close() {
            inbox.inFlight.subtract(1, ordering: .relaxed)
            transfer.end(HTTPTransportError(.shutDown, "the transport is shut down"))
        }
    }
}

/// Where systems keep the certificate authorities that they trust, as one file.
enum CertificateAuthorities {
    private static let places = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
    ]

    static func systemBundle() -> String? { places.first { access($0, R_OK) == 0 } }
}
