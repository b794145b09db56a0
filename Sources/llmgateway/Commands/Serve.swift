import ArgumentParser
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import UnixSignals

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve everything in one process: the gateway, the projectors, sealing and recovery.",
        discussion:
            "Prints `ready http://HOST:PORT` on standard output when requests are taken. SIGTERM and SIGINT drain and stop.")

    @Option(help: "The port to listen on; LLMGATEWAY_PORT or 4001 if left out, 0 for any free one.")
    var port: Int?

    @Flag(help: "Serve although this role could change recorded events; shown in health, verify and every seal.")
    var unprotectedLedger = false

    @Flag(help: "Go on from a ledger that is behind its newest seal, recording that it was accepted.")
    var acceptRollback = false

    @Flag(
        help: ArgumentHelp(
            "Record and charge nothing, to measure what the books cost.",
            discussion: "Keys, rules and limits hold as ever. Refused where others than this machine could send requests."))
    var measureWithoutBooks = false

    func run() async throws {
        var settings = try Settings()
        if let port { settings.port = port }
        let logger = settings.logger()
        if measureWithoutBooks {
            guard ["127.0.0.1", "::1", "localhost"].contains(settings.host) else {
                throw SettingsError(
                    message: "--measure-without-books gives answers away: it needs LLMGATEWAY_HOST=127.0.0.1")
            }
            logger.critical("nothing is recorded or charged: this process only measures what the books cost")
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        try await ListenAddress.check(host: settings.host, port: settings.port, on: group)
        let process = try await Unmigrated.explained { [settings] in
            try await ServeProcess(
                settings: settings, eventLoopGroup: group, isUnprotectedAllowed: unprotectedLedger,
                acceptsRollback: acceptRollback, keepsBooks: !measureWithoutBooks, logger: logger)
        }
        let services = ServiceGroup(
            configuration: .init(
                services: process.services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
                cancellationSignals: [], logger: logger))
        try await services.run()
        await process.close()
        try await group.shutdownGracefully()
    }
}
