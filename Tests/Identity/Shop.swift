import Foundation
import Ledger
import Logging
import Mail
import Postgres
import TestSupport

@testable import Identity

/// The service of people over a database of its own, with cheap passwords and a folder for its mails.
struct Shop: Sendable {
    let identity: Identity
    let database: LedgerDatabase
    let folder: String

    static func with<R: Sendable>(
        _ change: (inout IdentityConfiguration) -> Void = { _ in }, hooks: Identity.Hooks = Identity.Hooks(),
        _ body: (Shop) async throws -> R
    ) async throws -> R {
        try await LedgerDatabase.with { database in
            let folder = "/tmp/identity-\(UUID().uuidString)"
            var configuration = IdentityConfiguration(baseURL: "https://api.example.org", pagesURL: "https://app.example.org")
            configuration.passwordCost = PasswordCost(rounds: 16, blockSize: 1, parallelism: 1)
            change(&configuration)
            let postgres = PostgresClient(database.service, maximumConnections: 4, logger: database.logger)
            let mailer = Mailer(folder: folder, server: nil, sender: "gateway@example.org", logger: database.logger)
            let identity = Identity(
                configuration: configuration, postgres: postgres, mailer: mailer, hooks: hooks, logger: database.logger)
            func end() async {
                await identity.drain()
                await postgres.shutdown()
                try? FileManager.default.removeItem(atPath: folder)
            }
            do {
                let result = try await body(Shop(identity: identity, database: database, folder: folder))
                await end()
                return result
            } catch {
                await end()
                throw error
            }
        }
    }

    /// A letter as it lies in the folder.
    struct Letter {
        let to: String
        let subject: String
        let text: String
        /// The token in its link.
        var token: SecretToken? { text.firstMatch(of: /token=([A-Za-z0-9_-]{43})/).flatMap { SecretToken(String($0.1)) } }
    }

    /// The mails that went out so far, oldest first.
    func letters() async throws -> [Letter] {
        await identity.drain()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return try names.sorted().map { name in
            let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8).replacing("\r\n", with: "\n")
            func header(_ name: String) -> String {
                text.split(separator: "\n").first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) } ?? ""
            }
            return Letter(to: header("To"), subject: header("Subject"), text: text)
        }
    }

    /// An account with a session.
    func account(_ email: String, password: String = "correct horse", address: String = "192.0.2.1") async throws -> NewSession {
        let (person, session) = try await identity.signUp(
            email: email, password: password, name: "Ada", callback: nil, Caller(address: address))
        if let session { return session }
        return try await identity.beginSession(for: person, Caller(address: address))
    }

    func count(_ table: String) async throws -> Int64 {
        try await database.client.query("SELECT count(*) FROM identity.\(table)")[0].decode(0)
    }
}

/// What a call is refused with; nil when it is not.
func refusal<R>(_ body: () async throws -> R) async -> IdentityError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? IdentityError
    }
}
