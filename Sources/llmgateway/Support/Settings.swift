internal import Gateway
internal import Logging
internal import Web

/// What the environment says, read once at start-up. Secrets are held here and printed nowhere.
struct Settings: Sendable {
    /// The service role's database: `DATABASE_URL`.
    var databaseURL: String
    /// The role that may change the schema: `MIGRATION_DATABASE_URL`, else the service's.
    var migrationDatabaseURL: String
    /// The role that writes read models: `PROJECTOR_DATABASE_URL`, else the service's.
    var projectorDatabaseURL: String
    /// A role that may create roles in a second database, for a copy of the events: `TARGET_DATABASE_URL`.
    var targetDatabaseURL: String?
    /// `REDIS_URL`.
    var redisURL: String
    /// The folder of this installation's own files (seals, spool, demo key): `LLMGATEWAY_HOME`.
    var home: String
    /// The folder that holds `schema/`, `projections/`, `Sources/Web/OpenAPI` and `Sources/Catalogue/Data`: `LLMGATEWAY_ROOT`.
    var root: String
    /// The address to listen on, `127.0.0.1` unless `LLMGATEWAY_HOST` says otherwise.
    var host: String
    /// `LLMGATEWAY_PORT`, 4001.
    var port: Int
    /// Further catalogue files, colon separated: `LLMGATEWAY_CATALOGUE`.
    var catalogueFiles: [String]
    /// The largest request body in bytes: `LLMGATEWAY_MAX_BODY_BYTES`, 20 MiB.
    var maximumBodyBytes: Int
    /// What the bodies of all requests may have together, in bytes: `LLMGATEWAY_MAX_BODIES_BYTES`, 512 MiB, and never less than one.
    var maximumBodiesBytes: Int
    /// The largest answer that is not streamed, in bytes: `LLMGATEWAY_MAX_ANSWER_BYTES`, 64 MiB.
    var maximumAnswerBytes: Int
    /// What such answers may have together, in bytes: `LLMGATEWAY_MAX_ANSWERS_BYTES`, 512 MiB.
    var maximumAnswersBytes: Int
    /// Seconds in which an answer that is not streamed must be whole, at however many providers it is asked for:
    /// `LLMGATEWAY_ANSWER_SECONDS`, 600.
    var answerSeconds: Int
    /// Requests that may be in admission at once: `LLMGATEWAY_MAX_ADMITTING`, 256.
    var maximumAdmitting: Int
    /// Seconds that requests have to end when the process is asked to stop: `LLMGATEWAY_DRAIN_SECONDS`, 25.
    var drainSeconds: Int
    /// `FREE_MODEL_LIMIT` and `FREE_MODEL_LIMIT_HIGH`, and both with `_WITHOUT_CREDITS`.
    var freeLimits: FreeLimits
    /// `ROUTING_WEIGHT_PRICE` and the others.
    var routing: RoutingWeights
    /// `LLMGATEWAY_TRUSTED_PROXIES`, comma-separated networks whose `X-Forwarded-For` is believed.
    var web: WebConfiguration
    /// `ORIGIN_URLS`, comma-separated origins whose pages may send this server's cookie and read its answers, besides its own.
    var origins: [String]
    /// `LOG_LEVEL`, `info`.
    var logLevel: Logger.Level

    /// Reads the environment.
    ///
    /// - Throws: `SettingsError` naming the variable that is missing or can't be read.
    init() throws(SettingsError) {
        let environment = EnvironmentReader()
        let text = environment.text
        func number(_ key: String, _ name: String, default fallback: Int, in range: ClosedRange<Int>) throws(SettingsError)
            -> Int
        {
            guard let value = text(key) else { return fallback }
            guard let number = Int(value), range.contains(number) else {
                throw SettingsError(message: "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        guard let databaseURL = text("database.url") else {
            throw SettingsError(
                message: "DATABASE_URL is not set: start everything with tools/up, or name a Postgres 15 database in DATABASE_URL"
            )
        }
        guard let redisURL = text("redis.url") else {
            throw SettingsError(message: "REDIS_URL is not set: start everything with tools/up, or name a Redis 7 in REDIS_URL")
        }
        self.databaseURL = databaseURL
        self.redisURL = redisURL
        migrationDatabaseURL = text("migration.database.url") ?? databaseURL
        projectorDatabaseURL = text("projector.database.url") ?? databaseURL
        targetDatabaseURL = text("target.database.url")
        root = text("llmgateway.root") ?? Installation.root()
        home = text("llmgateway.home") ?? root + "/.llmgateway"
        host = text("llmgateway.host") ?? "127.0.0.1"
        port = try number("llmgateway.port", "LLMGATEWAY_PORT", default: 4001, in: 0...65535)
        catalogueFiles = (text("llmgateway.catalogue") ?? "").split(separator: ":").map(String.init)
        maximumBodyBytes = try number(
            "llmgateway.max.body.bytes", "LLMGATEWAY_MAX_BODY_BYTES", default: 20 << 20, in: 1024...(1 << 30))
        maximumBodiesBytes = try number(
            "llmgateway.max.bodies.bytes", "LLMGATEWAY_MAX_BODIES_BYTES", default: 512 << 20, in: 1024...(1 << 40))
        maximumAnswerBytes = try number(
            "llmgateway.max.answer.bytes", "LLMGATEWAY_MAX_ANSWER_BYTES", default: 64 << 20, in: 1024...(1 << 30))
        maximumAnswersBytes = try number(
            "llmgateway.max.answers.bytes", "LLMGATEWAY_MAX_ANSWERS_BYTES", default: 512 << 20, in: 1024...(1 << 40))
        answerSeconds = try number("llmgateway.answer.seconds", "LLMGATEWAY_ANSWER_SECONDS", default: 600, in: 1...86_400)
        maximumAdmitting = try number(
            "llmgateway.max.admitting", "LLMGATEWAY_MAX_ADMITTING", default: 256, in: 1...1_000_000)
        drainSeconds = try number("llmgateway.drain.seconds", "LLMGATEWAY_DRAIN_SECONDS", default: 25, in: 0...86_400)
        func limit(_ key: String, _ name: String, or value: FreeLimit) throws(SettingsError) -> FreeLimit {
            guard let said = text(key) else { return value }
            guard let limit = FreeLimit(said) else {
                throw SettingsError(message: "\(name) must be requests and seconds such as 20/60, or 0 for no limit")
            }
            return limit
        }
        var limits = FreeLimits()
        limits.low = try limit("free.model.limit", "FREE_MODEL_LIMIT", or: limits.low)
        limits.lowWithoutCredits = try limit(
            "free.model.limit.without.credits", "FREE_MODEL_LIMIT_WITHOUT_CREDITS", or: limits.lowWithoutCredits)
        limits.high = try limit("free.model.limit.high", "FREE_MODEL_LIMIT_HIGH", or: limits.high)
        limits.highWithoutCredits = try limit(
            "free.model.limit.high.without.credits", "FREE_MODEL_LIMIT_HIGH_WITHOUT_CREDITS", or: limits.highWithoutCredits)
        freeLimits = limits
        func weight(_ name: String, or value: Double) throws(SettingsError) -> Double {
            guard let said = text("routing.weight.\(name)") else { return value }
            guard let weight = Double(said), weight.isFinite, (0...100).contains(weight) else {
                throw SettingsError(message: "ROUTING_WEIGHT_\(name.uppercased()) must be a number from 0 to 100")
            }
            return weight
        }
        let weights = RoutingWeights()
        routing = RoutingWeights(
            price: try weight("price", or: weights.price), uptime: try weight("uptime", or: weights.uptime),
            throughput: try weight("throughput", or: weights.throughput),
            latency: try weight("latency", or: weights.latency), cache: try weight("cache", or: weights.cache))
        guard let proxies = TrustedProxies(list: text("llmgateway.trusted.proxies") ?? "") else {
            throw SettingsError(message: "LLMGATEWAY_TRUSTED_PROXIES must be networks such as 10.0.0.0/8, separated by commas")
        }
        origins = environment.list("origin.urls")
        web = WebConfiguration(trustedProxies: proxies, origins: OriginCheck(allowed: origins))
        let level = text("log.level") ?? "info"
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw SettingsError(
                message: "LOG_LEVEL must be one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.logLevel = logLevel
    }
}

extension Settings {
    /// - Throws: `SettingsError` where no second database is named.
    func requireTarget() throws(SettingsError) -> String {
        guard let targetDatabaseURL else {
            throw SettingsError(
                message:
                    "TARGET_DATABASE_URL is not set: name an empty Postgres 15 database in it, and a role that may create roles")
        }
        return targetDatabaseURL
    }
}

/// A setting that is missing or wrong; its message says what to do.
struct SettingsError: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
