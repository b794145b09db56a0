import Billing
import Foundation
import HTTPTransport
import Identity
import Ledger
import Mail
import Management
import Postgres
import TestSupport
import Testing
import Web

@Suite struct OpenAPITests {
    static let folder = TestEnvironment.root + "/Sources/Web/OpenAPI"

    /// Served by the gateway itself, before the routes of people.
    private static let gateway: [String: Set<String>] = [
        "/v1/chat/completions": ["POST"], "/v1/models": ["GET"], "/v1/models/{id}": ["GET"], "/": ["GET"],
        "/metrics": ["GET"],
        "/v1/messages": ["POST"], "/v1/embeddings": ["POST"], "/v1/completions": ["POST"], "/v1/responses": ["POST"],
        "/v1/responses/{id}": ["GET", "DELETE"], "/v1/images/generations": ["POST"],
        "/v1/images/edits": ["POST"],
        "/v1/moderations": ["POST"], "/v1/messages/count_tokens": ["POST"],
        "/v1/key": ["GET"],
        "/v1/credits": ["GET"], "/chat/completion": ["POST"],
    ]

    @Test func `what is served is documented, and what is documented is served`() async throws {
        // Nothing is asked of it: the routes are only counted.
        let nowhere = try PostgresConfiguration(url: "postgres://127.0.0.1:1/nowhere")
        let postgres = PostgresClient(nowhere, maximumConnections: 1, logger: quiet)
        let transport = HTTPTransport(logger: quiet)
        let appender = Appender(configuration: nowhere, logger: quiet)
        let identity = Identity(
            configuration: IdentityConfiguration(baseURL: "https://api.example.org", pagesURL: nil), postgres: postgres,
            mailer: Mailer(folder: "/nowhere", server: nil, sender: "a@example.org", logger: quiet), transport: transport,
            logger: quiet)
        let management = Management(appender: appender, postgres: postgres, reader: LedgerReader(postgres), logger: quiet)
        let served = WebResponder(
            [
                IdentityRoutes(identity),
                ManagementRoutes(
                    management: management, sessions: identity, providerKeys: try World.providerKeys(postgres)),
                try BillingRoutes(
                    billing: Billing(
                        appender: appender, postgres: postgres, transport: transport, secretKey: nil, apiURL: "",
                        configuration: BillingConfiguration(), logger: quiet),
                    audit: try World.audit(postgres, nowhere), sessions: identity),
                try OpenAPIRoutes(folder: Self.folder),
            ], logger: quiet
        ).operations.merging(Self.gateway) { $0.union($1) }
        let documented = try OpenAPIDocument(folder: Self.folder).operations
        for (path, methods) in served { #expect(documented[path] == methods, "\(path) is not documented so") }
        for path in documented.keys { #expect(served[path] != nil, "\(path) is documented and not served") }
        await transport.shutdown()
        await postgres.shutdown()
    }

    @Test func `every operation has a name of its own, and every reference an end`() throws {
        let document = try #require(
            JSONSerialization.jsonObject(with: Data(OpenAPIDocument(folder: Self.folder).bytes)) as? [String: Any])
        var names: [String] = []
        var references: Set<String> = []
        func walk(_ value: Any) {
            if let members = value as? [String: Any] {
                if let name = members["operationId"] as? String { names.append(name) }
                if let reference = members["$ref"] as? String { references.insert(reference) }
                members.values.forEach(walk)
            }
            if let elements = value as? [Any] { elements.forEach(walk) }
        }
        walk(document)
        #expect(names.count > 60 && Set(names).count == names.count)
        for reference in references {
            let end = reference.split(separator: "/").dropFirst().reduce(document as Any?) { found, part in
                (found as? [String: Any])?[String(part)]
            }
            #expect(end != nil, "\(reference) leads nowhere")
        }
    }
}
