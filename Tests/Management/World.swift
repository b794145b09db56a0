import Billing
import Catalogue
import Credentials
import Foundation
import HTTPTransport
import HTTPTypes
import Hummingbird
import Ledger
import Logging
import NIOCore
import NIOEmbedded
import Postgres
import Projections
import TestSupport
import Web

@testable import Management

let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// A ledger with the read models running, and the routes of the management API over it.
struct World: Sendable {
    static let projections = [
        "admission", "organizations", "keys", "provider_keys", "balances", "requests", "usage", "transactions", "payments",
        "journal", "grants",
    ]

    /// Somebody who has invited too many.
    static let tireless = UserID.mint()

    let database: LedgerDatabase
    let management: Management
    let appender: Appender
    let responder: WebResponder

    static func run(_ body: @escaping (World) async throws -> Void) async throws {
        try await LedgerDatabase.with { database in
            // What the gateway may do, and no more.
            var service = database.configuration
            service.settings["role"] = "llmgateway_service"
            let client = PostgresClient(service, maximumConnections: 8, acquireDeadline: .seconds(60), logger: quiet)
            let signal = LedgerSignal()
            let appender = Appender(configuration: service, signal: signal, logger: quiet)
            var tasks = [Task { _ = try? await appender.run() }]
            for name in Self.projections {
                let definition = try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/\(name)")
                let projector = Projector(
                    definition: definition, configuration: database.configuration, signal: signal, pace: .milliseconds(1),
                    logger: quiet)
                tasks.append(Task { await projector.run() })
            }
            let management = Management(
                appender: appender, postgres: client, reader: LedgerReader(client), patience: .seconds(60), logger: quiet)
            let routes = ManagementRoutes(
                management: management, sessions: TestSessions(), providerKeys: try Self.providerKeys(client),
                mayInvite: { (person, _) throws(WebError) in
                    if person == Self.tireless { throw WebError(429, "Too many invitations.", retryAfter: 60) }
                })
            let transport = HTTPTransport(logger: quiet)
            let money = try Self.billing(appender, client, transport, projecting: database.configuration)
            let world = World(
                database: database, management: management, appender: appender,
                responder: WebResponder([routes, money], logger: quiet))
            // The first projector makes the tables.
            for name in Self.projections {
                _ = try await waitUntil(projection: name, position: 1, deadline: .seconds(60), client: client)
            }
            var failure: (any Error)?
            do { try await body(world) } catch { failure = error }
            await appender.shutdown()
            for task in tasks {
                task.cancel()
                await task.value
            }
            await client.shutdown()
            await transport.shutdown()
            if let failure { throw failure }
        }
    }

    /// Without an account at Stripe.
    static func billing(
        _ appender: Appender, _ client: PostgresClient, _ transport: HTTPTransport, projecting: PostgresConfiguration
    ) throws -> BillingRoutes {
        var configuration = BillingConfiguration()
        configuration.webhookSecrets = ["whsec_test"]
        return try BillingRoutes(
            billing: Billing(
                appender: appender, postgres: client, transport: transport, secretKey: nil, apiURL: "http://127.0.0.1:1",
                configuration: configuration, logger: quiet),
            audit: try audit(client, projecting), sessions: TestSessions())
    }

    /// Of a ledger that nobody has sealed.
    static func audit(_ client: PostgresClient, _ projecting: PostgresConfiguration) throws -> Audit {
        Audit(
            books: client, projections: try .load(folders: ["\(TestEnvironment.root)/projections"]), replaying: projecting
        ) { [] }
    }

    /// Of the real catalogue, with a provider that refuses the credentials that end with `-refused`.
    static func providerKeys(_ client: PostgresClient) throws -> ProviderKeyAccess {
        let folder = "\(TestEnvironment.root)/Sources/Catalogue/Data"
        let catalogue = try LiveCatalogue { () throws(CatalogueError) in
            try Catalogue.load(files: try Catalogue.paths(folder: folder, environment: [:]), environment: [:])
        }
        let keys = try EncryptionKeys(list: Data(repeating: 7, count: 32).base64EncodedString(), place: "the test")
        return ProviderKeyAccess(
            catalogue: catalogue, secrets: ProviderSecrets(postgres: client, keys: keys), allowsPrivateURLs: false
        ) { trial async throws(WebError) in
            guard trial.credential.secret.hasSuffix("-refused") else { return }
            throw WebError(400, "The provider refuses this key.", field: "token", code: "invalid_provider_key")
        }
    }

    struct Answer: Sendable {
        let status: Int
        let text: String

        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
        }

        subscript(path: String) -> Any? {
            path.split(separator: ".").reduce(json as Any?) { value, part in
                if let index = Int(part), let array = value as? [Any] { return index < array.count ? array[index] : nil }
                return (value as? [String: Any])?[String(part)]
            }
        }

        func text(_ path: String) -> String { self[path] as? String ?? "" }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, as user: UserID?
    ) async throws -> Answer {
        var headers: HTTPFields = [.userAgent: "test agent"]
        if let user { headers[.authorization] = "Bearer \(user)" }
        let head = HTTPRequest(method: method, scheme: "http", authority: "gateway.test", path: path, headerFields: headers)
        let request = Request(head: head, body: .init(buffer: ByteBuffer(string: body ?? "")))
        guard let response = await responder.respond(to: request, channel: NIOAsyncTestingChannel()) else {
            return Answer(status: 0, text: "no route has the path \(path)")
        }
        let collector = Collector()
        try await response.body.write(collector)
        return Answer(status: response.status.code, text: String(decoding: collector.bytes, as: UTF8.self))
    }

    private final class Collector: ResponseBodyWriter {
        var bytes: [UInt8] = []
        func write(_ buffer: ByteBuffer) async throws { bytes += Array(buffer: buffer) }
        func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    /// A person who owns an organization, made through the API.
    func owner(_ name: String = "Acme") async throws -> (user: UserID, organization: String, project: String) {
        let user = UserID.mint()
        let made = try await send(.post, "/orgs", #"{"name":"\#(name)"}"#, as: user)
        let organization = made.text("organization.id")
        let projects = try await send(.get, "/orgs/\(organization)/projects", as: user)
        return (user, organization, projects.text("projects.0.id"))
    }

    func key(of project: String, by user: UserID) async throws -> Answer {
        try await send(
            .post, "/keys/api", #"{"description":"laptop","projectId":"\#(project)","usageLimit":null}"#, as: user)
    }
}

/// Who is signed in is whoever the bearer token names.
struct TestSessions: SessionSource {
    func signedIn(_ request: Request, _ context: WebContext) async throws(WebError) -> SignedIn {
        guard let header = request.headers[.authorization], let user = UserID(String(header.dropFirst(7))) else {
            throw .unauthorized
        }
        return SignedIn(user: user, session: "session-of-\(user)")
    }

    /// Who administers the installation of the tests.
    static let administrator = UserID.mint()

    func isAdministrator(_ user: UserID) async throws(WebError) -> Bool { user == Self.administrator }
    func signUps() async throws(WebError) -> SignUps { SignUps(total: 3, verified: 2) }
    var cookieAttributes: String { "; Path=/; HttpOnly; SameSite=Lax" }

    func people(_ ids: [UserID]) async throws(WebError) -> [UserID: Person] {
        Dictionary(
            uniqueKeysWithValues: Set(ids).map {
                ($0, Person(id: $0, email: Self.email($0), name: "N", isEmailVerified: true))
            })
    }

    static func email(_ user: UserID) -> String { "\(user)@people.test".lowercased() }
}
