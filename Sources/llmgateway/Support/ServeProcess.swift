import Admission
import Billing
import Catalogue
import Credentials
import Gateway
import HTTPTransport
import Identity
import Ledger
import Logging
import Mail
import Management
import NIOCore
import Postgres
import Projections
import Redis
import ServiceLifecycle
import Web

/// Everything that `serve` runs, wired together, in the order in which it starts; it stops in the reverse order.
struct ServeProcess: Sendable {
    let services: [any Service]
    private let pools: [PostgresClient]
    private let admissionRedis: AdmissionRedis
    private let transport: HTTPTransport
    private let identity: Identity

    init(
        settings: Settings, eventLoopGroup: any EventLoopGroup, isUnprotectedAllowed: Bool, acceptsRollback: Bool,
        keepsBooks: Bool, logger: Logger
    ) async throws {
        let peopleSettings = try PeopleSettings(host: settings.host, port: settings.port, origins: settings.origins)
        let catalogue = try Self.catalogue(settings, logger: logger)
        let configuration = try settings.postgres(settings.databaseURL, name: "llmgateway serve")
        let projecting = try settings.postgres(settings.projectorDatabaseURL, name: "llmgateway projector")
        // What completions and their lease wait for, what people ask, and what they read of the books: none keeps another waiting.
        func pool(_ size: Int) -> PostgresClient {
            PostgresClient(configuration, maximumConnections: size, heedsRefusals: false, logger: logger)
        }
        let (postgres, people, books) = (pool(8), pool(6), pool(3))
        pools = [postgres, people, books]

        let isProtected = try await Self.checkProtection(postgres, isUnprotectedAllowed: isUnprotectedAllowed, logger: logger)
        let seals = try await Seals(settings: settings, postgres: postgres, logger: logger)
        try await seals.check(acceptsRollback: acceptsRollback)
        try await Self.checkProjector(projecting, logger: logger)

        let signal = LedgerSignal()
        let appender = Appender(configuration: configuration, signal: signal, logger: logger)
        let lease = InstanceLease(client: postgres, logger: logger)
        let spool = try Self.spool(settings, logger: logger)
        let outcomes = OutcomeWriter(appender: appender, client: postgres, spool: spool, logger: logger)
        let annotations = AnnotationWriter(client: postgres, logger: logger)
        let payloads = PayloadWriter(client: postgres, logger: logger)
        let answers = AnswerCache(client: postgres, logger: logger)
        let admissionRedis = AdmissionRedis(
            configuration: try RedisConfiguration(url: settings.redisURL), eventLoopGroup: eventLoopGroup,
            folder: try AdmissionFolder(path: settings.root + "/projections/admission"), postgres: postgres, appender: appender,
            logger: logger)
        self.admissionRedis = admissionRedis
        let admission = AdmissionClient(redis: admissionRedis, instance: lease.instance, logger: logger)
        let recovery = Recovery(redis: admissionRedis, appender: appender, lease: lease, logger: logger)
        let projections = try ProjectionCatalogue.load(folders: [settings.root + "/projections"])
        let projectors = projections.definitions.map { definition in
            Projector(
                definition: definition, configuration: projecting, signal: signal,
                mirror: definition.name == "admission" ? AdmissionMirror(redis: admissionRedis, logger: logger) : nil,
                logger: logger)
        }
        let providerKeys = try ProviderKeySettings(home: settings.home)
        let secrets = ProviderSecrets(postgres: postgres, keys: providerKeys.keys)
        let transport = HTTPTransport(configuration: HTTPTransportConfiguration(), logger: logger)
        self.transport = transport
        let registry = PrometheusRegistry()
        var gatewayConfiguration = GatewayConfiguration()
        gatewayConfiguration.maximumBodyBytes = settings.maximumBodyBytes
        gatewayConfiguration.maximumAnswerBytes = settings.maximumAnswerBytes
        gatewayConfiguration.totalDeadline = .seconds(settings.answerSeconds)
        gatewayConfiguration.maximumBodiesBytes = max(settings.maximumBodiesBytes, 2 * settings.maximumBodyBytes)
        gatewayConfiguration.maximumAnswersBytes = max(settings.maximumAnswersBytes, 2 * settings.maximumAnswerBytes)
        gatewayConfiguration.maximumAdmitting = settings.maximumAdmitting
        gatewayConfiguration.routing = settings.routing
        gatewayConfiguration.freeLimits = settings.freeLimits
        gatewayConfiguration.keepsBooks = keepsBooks
        gatewayConfiguration.isLedgerProtected = isProtected
        gatewayConfiguration.projections = projections.definitions.map(\.name)
        gatewayConfiguration.trustedProxies = settings.web.trustedProxies
        gatewayConfiguration.allowsPrivateProviderURLs = providerKeys.allowsPrivateURLs
        let gateway = Gateway(
            catalogue: catalogue, admission: admission, appender: appender, lease: lease, outcomes: outcomes,
            annotations: annotations, payloads: payloads, answers: answers, transport: transport, postgres: postgres,
            redis: admissionRedis.client,
            secrets: secrets, registry: registry, configuration: gatewayConfiguration, logger: logger)
        let watchdog = Watchdog(client: postgres, logger: logger)
        let retention = Retention(client: people, logger: logger)
        let erasure = Erasure(client: people, logger: logger)
        let bridge = LedgerSignalBridge(signal: signal, configuration: configuration, logger: logger)
        ProcessMetrics(
            appender: appender, admission: admission, projections: projections, postgres: postgres, spool: spool,
            annotations: annotations, payloads: payloads, watchdog: watchdog, seals: seals, isProtected: isProtected
        ).register(in: registry)

        let management = Management(appender: appender, postgres: people, reader: LedgerReader(people), logger: logger)
        let identity = try Self.identity(
            settings, peopleSettings, management: management, postgres: people, transport: transport, logger: logger)
        self.identity = identity
        let money = try BillingSettings(pagesURL: identity.configuration.pagesURL)
        let billing = Billing(
            appender: appender, postgres: people, transport: transport, secretKey: money.secretKey, apiURL: money.apiURL,
            configuration: money.configuration, logger: logger)
        let audit = Audit(books: books, projections: projections, replaying: projecting) {
            let ledger = try await LedgerReader(books).ledgerID()
            return try await Seals.forVerifying(settings, ledger: ledger).effective(of: ledger)
        }
        let billingWorker = BillingWorker(billing)
        let catalogueWatcher = CatalogueWatcher(
            catalogue: catalogue,
            paths: { () throws(CatalogueError) in
                try Catalogue.installedPaths(root: settings.root, files: settings.catalogueFiles)
            }, recorder: PriceRecorder(appender: appender, postgres: postgres), logger: logger)
        var webConfiguration = settings.web
        webConfiguration.origins = OriginCheck(allowed: Array(identity.configuration.origins))
        let managementRoutes = ManagementRoutes(
            management: management, sessions: identity,
            providerKeys: ProviderKeyAccess(
                catalogue: catalogue, secrets: secrets, allowsPrivateURLs: providerKeys.allowsPrivateURLs, transport: transport),
            mayInvite: { (person, organization) async throws(WebError) in
                try await identity.countInvitation(by: person, to: organization.description)
            }
        ) { invitation in
            identity.tell(
                invitedTo: invitation.organization, as: invitation.role.rawValue, by: invitation.id, email: invitation.email)
        }
        let web = WebResponder(
            [
                IdentityRoutes(identity), managementRoutes,
                try BillingRoutes(billing: billing, audit: audit, sessions: identity),
                try OpenAPIRoutes(folder: settings.root + "/Sources/Web/OpenAPI"),
            ],
            configuration: webConfiguration, logger: logger)
        let server = GatewayServer(
            gateway: gateway, eventLoopGroup: eventLoopGroup, host: settings.host, port: settings.port, web: web,
            playgroundKeys: managementRoutes, logger: logger
        ) { port in
            // Unbuffered: standard output is more often a pipe than a terminal, and whoever waits for the line needs it now.
            try? StandardStream.output.write("ready \(ListenAddress.url(host: settings.host, port: port))\n")
        }
        var services: [any Service] = [
            OutlivingService(body: { try await appender.run() }, shutdown: { await appender.shutdown() }),
            BackgroundService("annotations") { await annotations.run() },
            BackgroundService("payloads") { await payloads.run() },
            BackgroundService("answers") { await answers.run() },
            BackgroundService("signal") { await bridge.run() },
            BackgroundService("lease") { await lease.run() },
            BackgroundService("watchdog") { await watchdog.run() },
            BackgroundService("retention") { await retention.run() },
            BackgroundService("erasure") { await erasure.run() },
            BackgroundService("seals") { await seals.run() },
            BackgroundService("appender") { await appender.watch() },
            BackgroundService("spool") { await spool.watch() },
        ]
        services += projectors.map { projector in BackgroundService(projector.definition.name) { await projector.run() } }
        services += [
            BackgroundService("outcomes") { await outcomes.run() },
            BackgroundService("admission") { await admission.run() },
            BackgroundService("recovery") { await recovery.run() },
            BackgroundService("catalogue") { await catalogueWatcher.run() },
            BackgroundService("billing") { await billingWorker.run() },
            BackgroundService("gateway") { await gateway.run() },
            Opening(
                lease: lease, outcomes: outcomes, server: server, drainDeadline: .seconds(settings.drainSeconds), logger: logger),
        ]
        self.services = services
    }

    /// Closes what has no loop of its own.
    func close() async {
        await identity.drain()
        await transport.shutdown()
        await admissionRedis.shutdown()
        for pool in pools { await pool.shutdown() }
    }

    /// The server opens only when this instance has a lease and every outcome of an earlier run is in the ledger.
    private struct Opening: Service {
        let lease: InstanceLease
        let outcomes: OutcomeWriter
        let server: GatewayServer
        let drainDeadline: Duration
        let logger: Logger

        func run() async throws {
            try await lease.renew()
            try await outcomes.drain()
            try await Draining.run(deadline: drainDeadline, logger: logger) { try await server.run() }
            try? await lease.end()
        }
    }

    private static func identity(
        _ settings: Settings, _ people: PeopleSettings, management: Management, postgres: PostgresClient,
        transport: HTTPTransport, logger: Logger
    ) throws -> Identity {
        let mailer = Mailer(
            folder: settings.home + "/mail", server: people.mailServer, sender: people.sender, logger: logger)
        var hooks = Identity.Hooks()
        hooks.signedUp = { person, referral in try await management.welcome(person.id, referral: referral) }
        hooks.beforeHandOver = { (person) throws(IdentityError) in
            do throws(WebError) { try await management.handOver(person: person.id) } catch {
                // Whoever reads the mailbox asked for none of it, and can do nothing but try again.
                throw IdentityError.refused(status: 503, error.message)
            }
        }
        hooks.beforeDeletion = { (person) throws(IdentityError) in
            do throws(WebError) {
                try await management.erase(person: person.id, verifiedEmail: person.isEmailVerified ? person.email : nil)
            } catch {
                throw Self.refusal(error)
            }
        }
        return Identity(
            configuration: people.configuration, postgres: postgres, mailer: mailer, transport: transport, hooks: hooks,
            logger: logger)
    }

    /// Why an account must not go.
    private static func refusal(_ error: WebError) -> IdentityError {
        // 202 is a change that is recorded and not obeyed yet: the account must not go before.
        .refused(status: error.status == 202 ? 503 : error.status, error.message)
    }

    private static func spool(_ settings: Settings, logger: Logger) throws -> OutcomeSpool {
        do {
            return try OutcomeSpool(directory: settings.home + "/spool", logger: logger)
        } catch let error as FileError where error.isLocked {
            throw SettingsError(
                message: "another llmgateway serve uses \(settings.home); each needs a folder of its own in LLMGATEWAY_HOME")
        }
    }

    private static func catalogue(_ settings: Settings, logger: Logger) throws -> LiveCatalogue {
        let catalogue = try LiveCatalogue { () throws(CatalogueError) in
            try Catalogue.installed(root: settings.root, files: settings.catalogueFiles)
        }
        for warning in catalogue.current.warnings { logger.warning("\(warning)") }
        return catalogue
    }

    /// The role may not become the projector, or there is no such role
    /// (https://www.postgresql.org/docs/15/errcodes-appendix.html). Other errors of the server may pass.
    private static let denials: Set<String> = ["42501", "42704", "22023"]

    private static func checkProjector(_ projecting: PostgresConfiguration, logger: Logger) async throws {
        do {
            guard try await !Projector.mayRebuild(configuration: projecting, logger: logger) else { return }
        } catch let error as PostgresError where error.isRefusal || denials.contains(error.sqlState ?? "") {
            throw SettingsError(
                message: "The projectors can't work with PROJECTOR_DATABASE_URL, or DATABASE_URL where it is not set: \(error)")
        } catch {
            // What is away for a moment the projectors wait for.
            return
        }
        logger.warning(
            """
            no read model can be rebuilt, because the projector may not make schemas in this database: run `llmgateway migrate`, \
            as after every restore
            """)
    }

    private static func checkProtection(
        _ postgres: PostgresClient, isUnprotectedAllowed: Bool, logger: Logger
    ) async throws -> Bool {
        let findings = try await LedgerProtection.findings(postgres)
        guard !findings.isEmpty else { return true }
        let list = findings.map(\.description).joined(separator: "; ")
        guard isUnprotectedAllowed else {
            throw SettingsError(
                message: "The role of DATABASE_URL could change recorded events (\(list)). Use the role llmgateway_service, or "
                    + "start with --unprotected-ledger.")
        }
        logger.warning("the ledger is not protected from this role", metadata: ["findings": "\(list)"])
        return false
    }
}
