import Foundation
import Logging
import Postgres

/// A database of one test's own on the test run's server.
public struct TestDatabase: Sendable {
    /// A superuser's URL of the database.
    public let url: String
    /// The database's name.
    public let name: String
    private let server: String

    /// Makes a database, as a copy of `template` when one is given. Whoever makes it drops it; `withTestDatabase` does both.
    ///
    /// - Parameter server: a superuser's URL of the server; the test run's own if nil.
    public static func create(template: String? = nil, server: String? = nil) async throws -> TestDatabase {
        let server = try server ?? TestEnvironment.databaseURL()
        let name = "test_" + UUID().uuidString.lowercased().replacing("-", with: "")
        let database = TestDatabase(url: url(server, database: name), name: name, server: server)
        for attempt in 1... {
            do {
                try await database.administer("CREATE DATABASE \"\(name)\" TEMPLATE \"\(template ?? "template0")\"")
                break
            } catch let error as PostgresError where error.sqlState == "55006" && attempt < 50 {
                // Somebody is still connected to the template.
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        return database
    }

    /// Drops the database under whoever is still connected to it.
    public func drop() async throws {
        try await administer("DROP DATABASE IF EXISTS \"\(name)\" WITH (FORCE)")
    }

    /// The URL with another database's name.
    public static func url(_ url: String, database: String) -> String {
        let parts = url.split(separator: "?", maxSplits: 1)
        let address = parts[0]
        let scheme = address.firstRange(of: "://")?.upperBound ?? address.startIndex
        let slash = address[scheme...].firstIndex(of: "/") ?? address.endIndex
        let query = parts.count > 1 ? "?" + parts[1] : ""
        return address[..<slash] + "/" + database + query
    }

    private func administer(_ sql: String) async throws {
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(url: server), logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        do {
            try await connection.script(sql)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }
}

/// Makes a database for one test, gives its URL to `body` and drops it afterwards.
public func withTestDatabase<R: Sendable>(template: String? = nil, _ body: (String) async throws -> R) async throws -> R {
    let database = try await TestDatabase.create(template: template)
    do {
        let result = try await body(database.url)
        try await database.drop()
        return result
    } catch {
        try? await database.drop()
        throw error
    }
}
