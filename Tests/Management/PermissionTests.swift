import Billing
import Foundation
import HTTPTransport
import HTTPTypes
import Hummingbird
import Ledger
import Postgres
import Projections
import TestSupport
import Testing
import Web

@testable import Management

@Suite struct PermissionTests {
    @Test func everyRouteKeepsToTheTable() async throws {
        try await World.run { world in
            let stranger = Tenant()
            try await stranger.append(to: world)
            for row in PermissionMatrix.rows {
                for (who, expected) in zip(Who.allCases, row.expected) {
                    // Each cell has an organization of its own: what one may delete, the next must still find.
                    let tenant = Tenant()
                    try await tenant.append(to: world)
                    let user: UserID? =
                        switch who {
                        case .owner, .admin, .developer: tenant.user(who)
                        case .outsider: .mint()
                        case .other: row.path == "/orgs" ? .mint() : stranger.owner
                        case .none: nil
                        }
                    let answer = try await world.send(row.method, tenant.fill(row.path), row.body.map(tenant.fill), as: user)
                    #expect(answer.status == expected, "\(row.method) \(row.path) as \(who): \(answer.text)")
                    if expected >= 400 {
                        #expect(answer.json["error"] as? Bool == true && answer.json["status"] as? Int == expected)
                    }
                }
            }
        }
    }

    /// A route that is not in the table is a route that nobody has decided about.
    @Test func theTableHasEveryRoute() async throws {
        let router = Router(context: WebContext.self)
        let configuration = try PostgresConfiguration(url: "postgres://nobody@127.0.0.1:1/nothing")
        let client = PostgresClient(configuration, logger: quiet)
        let management = Management(
            appender: Appender(configuration: configuration, logger: quiet), postgres: client, reader: LedgerReader(client),
            logger: quiet)
        let transport = HTTPTransport(logger: quiet)
        let appender = Appender(configuration: configuration, logger: quiet)
        try World.billing(appender, client, transport, projecting: configuration).register(on: router)
        ManagementRoutes(
            management: management, sessions: TestSessions(), providerKeys: try World.providerKeys(client)
        ).register(on: router)
        func shape(_ path: String) -> String {
            path.split(separator: "?")[0].split(separator: "/").map { $0.hasPrefix("{") || $0.hasPrefix(":") ? "*" : $0 }
                .joined(separator: "/")
        }
        let known = Set(PermissionMatrix.rows.map { "\($0.method) \(shape($0.path))" })
        for route in router.routes {
            #expect(known.contains("\(route.method) \(shape(route.path.description))"), "\(route)")
        }
        await transport.shutdown()
    }
}
