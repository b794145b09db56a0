public import Admission
public import Catalogue
public import Credentials
internal import Dialects
public import HTTPTransport
internal import Hummingbird
public import Ledger
public import Logging
public import Postgres
public import Redis
public import Web

/// The parts that a request's walk uses, made once per process.
///
/// A class because each step of a request has it, and copying so many references each time costs more than some steps.
public final class Gateway: Sendable {
    let catalogue: LiveCatalogue
    let admission: AdmissionClient
    let appender: Appender
    let lease: InstanceLease
    let outcomes: OutcomeWriter
    let annotations: AnnotationWriter
    let payloads: PayloadWriter
    let answers: AnswerCache
    let transport: HTTPTransport
    let postgres: PostgresClient
    let redis: RedisClient
    let configuration: GatewayConfiguration
    let registry: PrometheusRegistry
    let metrics: GatewayMetrics
    let line: AdmissionLine
    let bodies: BodyReader
    private let houseAnswers: ByteBudget
    private let ownAnswers: ByteBudget
    let denials: DenialRecorder
    let policies: PolicyCache
    let accounts = AccountRotation()
    let accessTokens: AccessTokens
    let responses: ResponseStore
    let health = RouteHealth()
    let circuits = Circuits()
    let probation = Probation()
    let sessions: StickySessions
    private let exchange: HealthExchange
    let logger: Logger

    public init(
        catalogue: LiveCatalogue, admission: AdmissionClient, appender: Appender, lease: InstanceLease, outcomes: OutcomeWriter,
        annotations: AnnotationWriter, payloads: PayloadWriter, answers: AnswerCache, transport: HTTPTransport,
        postgres: PostgresClient,
        redis: RedisClient,
        secrets: ProviderSecrets, registry: PrometheusRegistry, configuration: GatewayConfiguration, logger: Logger
    ) {
        self.catalogue = catalogue
        self.admission = admission
        self.appender = appender
        self.lease = lease
        self.outcomes = outcomes
        self.annotations = annotations
        self.payloads = payloads
        self.answers = answers
        self.transport = transport
        self.postgres = postgres
        self.redis = redis
        self.registry = registry
        self.configuration = configuration
        self.logger = logger
        line = AdmissionLine(most: configuration.maximumAdmitting)
        bodies = BodyReader(
            maximumBytes: configuration.maximumBodyBytes, budget: ByteBudget(maximumBytes: configuration.maximumBodiesBytes))
        houseAnswers = ByteBudget(maximumBytes: configuration.maximumAnswersBytes)
        ownAnswers = ByteBudget(maximumBytes: configuration.maximumAnswersBytes)
        metrics = GatewayMetrics(registry: registry, line: line)
        accessTokens = AccessTokens(transport: transport)
        responses = ResponseStore(client: postgres, logger: logger)
        sessions = StickySessions(redis: redis)
        exchange = HealthExchange(health: health, redis: redis, logger: logger)
        denials = DenialRecorder(logger: logger) { _ = try await appender.append(Command($0)) }
        let reader = PolicyReader(postgres: postgres, secrets: secrets, logger: logger)
        policies = PolicyCache(logger: logger) { organization in try await reader.read(organization) }
    }

    /// Everything but chat completions and messages: health, models, metrics, counts of tokens, quotas.
    func routes() -> Router<GatewayRequestContext> {
        let router = Router(context: GatewayRequestContext.self)
        HealthRoute(gateway: self).add(to: router)
        ModelsRoute(catalogue: catalogue).add(to: router)
        MetricsRoute(registry: registry).add(to: router)
        CountTokensRoute(gateway: self).add(to: router)
        QuotaRoutes(gateway: self).add(to: router)
        ResponsesRoutes(gateway: self).add(to: router)
        router.refuseOtherMethods { GatewayError.wrongMethod(allow: $1).response() }
        return router
    }

    /// Appends what the request path leaves to be written later; runs until cancelled.
    public func run() async {
        async let exchanged: Void = exchange.run()
        async let swept: Void = responses.run()
        async let compared: Void = CacheSweep(postgres: postgres, logger: logger).run()
        await denials.run()
        await exchanged
        await swept
        await compared
    }

    /// Keeps an answer of the Responses API, where its request wants that: before its client hears that it is whole, because the
    /// next request may go on from it at once.
    ///
    /// - Throws: 503 when it can't be kept.
    func keep(_ response: [UInt8], of admitted: AdmittedRequest) async throws(GatewayError) {
        let understood = admitted.understood
        guard let request = understood.entered.responses, request.isStored else { return }
        let conversation = request.conversation(with: response)
        guard conversation.count <= ResponseStore.maximumBytes else { return }
        do {
            try await responses.keep(
                .init(body: response, conversation: conversation), of: understood.incoming.id,
                organization: understood.address.organization, project: understood.address.project,
                apiKey: understood.address.key)
        } catch {
            logger.warning("an answer could not be kept", metadata: ["error": "\(error)"])
            throw GatewayError.unavailable("The answer could not be stored; it was charged, and is in the ledger.")
        }
    }

    /// What whole answers of `route` share with others: servers that organizations name themselves, which may send as much and as
    /// slowly as they please, take nothing from the answers of the operator's providers.
    func answerBudget(of route: Route) -> ByteBudget { route.own?.baseURL == nil ? houseAnswers : ownAnswers }

    /// What takes note of the bytes of a stream that wait for more of them, beside whole answers.
    func waiting(_ route: Route, _ admitted: AdmittedRequest) -> WaitingBytes {
        WaitingBytes(answerBudget(of: route), of: admitted.understood.address.organization)
    }

    /// Notes how an attempt at a provider ended.
    ///
    /// - Parameter counts: What it says about how fast the mapping is.
    func note(_ route: Route, _ report: Circuits.Report, counts: RouteCounts = RouteCounts()) {
        guard route.provider.dialect != .echo else { return }
        circuits.end(.init(route), report)
        // What happens at an organization's own account says nothing about others'.
        guard route.own == nil else { return }
        let name = MappingName(route)
        var counts = counts
        switch report {
        case .answered: counts.answered = 1
        case .fault: counts.faults = 1
        case .neither: return
        }
        health.count(name, counts)
        if route.isTrial, probation.ended(name, answered: counts.faults == 0) { exchange.forgive(name) }
    }
}

/// What an operator may set about the request path.
public struct GatewayConfiguration: Sendable {
    /// The largest request body, in bytes.
    public var maximumBodyBytes: Int
    /// What the bodies of all requests may have together, with the images and conversations that are fetched for them, in bytes;
    /// each one's first 64 KiB are not counted. Beyond that requests hear 503.
    public var maximumBodiesBytes: Int
    /// The largest answer that is not streamed, in bytes.
    public var maximumAnswerBytes: Int
    /// What such answers may have together while they are read and handed on, and streams while an event is not whole, in bytes; each
    /// one's first 64 KiB are not counted, and those of servers that organizations name themselves are counted apart. Beyond that
    /// clients hear 503.
    public var maximumAnswersBytes: Int
    /// Requests answered at once; more are refused with 503 before anything is held.
    public var maximumInFlight: Int
    /// Requests between their body and their authorization; while there are so many, others wait in line, and are refused with 503
    /// when their turn does not come within a second.
    ///
    /// A gateway that is asked for more than it can do answers those whom it lets in as fast as ever, and tells the others when to
    /// come again.
    public var maximumAdmitting: Int
    /// Until a connection to the provider stands.
    public var connectDeadline: Duration
    /// From the request to the provider's first byte.
    public var firstByteDeadline: Duration
    /// Between two pieces of a provider's answer.
    public var idleDeadline: Duration
    /// From when the first provider is asked to the whole of an answer that is not streamed, at however many it is asked for; after
    /// it no stream is asked for elsewhere either.
    public var totalDeadline: Duration
    /// The whole of a streamed answer.
    public var streamDeadline: Duration
    /// What counts how much where a request may go to several providers.
    public var routing: RoutingWeights
    /// How often an organization may ask for a free model.
    public var freeLimits: FreeLimits
    /// Until a connection stands to a provider that others can stand in for.
    public var alternativeConnectDeadline: Duration
    /// Which proxies are believed when they say whom a request came from: rules about addresses depend on it.
    public var trustedProxies: TrustedProxies
    /// Whether URLs that organizations give to their provider keys may lead to private addresses.
    public var allowsPrivateProviderURLs: Bool
    /// False where it is measured what the books cost: requests are let in and held as ever, and nothing of them is recorded
    /// or charged.
    public var keepsBooks: Bool
    /// False where the role that this process has could change recorded events, and whoever started it said that it may.
    public var isLedgerProtected: Bool
    /// The read models of which `GET /` tells that they are late.
    public var projections: [String]
    /// What `GET /` calls the version.
    public var version: String

    public init(
        maximumBodyBytes: Int = 20 << 20, maximumBodiesBytes: Int = 512 << 20, maximumAnswerBytes: Int = 64 << 20,
        maximumAnswersBytes: Int = 512 << 20, maximumInFlight: Int = 10_000, maximumAdmitting: Int = 256,
        connectDeadline: Duration = .seconds(10), firstByteDeadline: Duration = .seconds(300),
        idleDeadline: Duration = .seconds(120), totalDeadline: Duration = .seconds(600),
        streamDeadline: Duration = .seconds(1200), routing: RoutingWeights = RoutingWeights(),
        freeLimits: FreeLimits = FreeLimits(),
        alternativeConnectDeadline: Duration = .seconds(2), trustedProxies: TrustedProxies = TrustedProxies(),
        allowsPrivateProviderURLs: Bool = false, keepsBooks: Bool = true, isLedgerProtected: Bool = true,
        projections: [String] = [], version: String = "1.0.0"
    ) {
        self.maximumBodyBytes = maximumBodyBytes
        self.maximumBodiesBytes = maximumBodiesBytes
        self.maximumAnswerBytes = maximumAnswerBytes
        self.maximumAnswersBytes = maximumAnswersBytes
        self.maximumInFlight = maximumInFlight
        self.maximumAdmitting = maximumAdmitting
        self.connectDeadline = connectDeadline
        self.firstByteDeadline = firstByteDeadline
        self.idleDeadline = idleDeadline
        self.totalDeadline = totalDeadline
        self.streamDeadline = streamDeadline
        self.routing = routing
        self.freeLimits = freeLimits
        self.alternativeConnectDeadline = alternativeConnectDeadline
        self.trustedProxies = trustedProxies
        self.allowsPrivateProviderURLs = allowsPrivateProviderURLs
        self.keepsBooks = keepsBooks
        self.isLedgerProtected = isLedgerProtected
        self.projections = projections
        self.version = version
    }
}
