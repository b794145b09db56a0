import Foundation
import HTTPTransport
import Ledger
import Logging
import Mail
import Postgres
import Synchronization
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
        await Places.shared.take()
        defer { Places.shared.leave() }
        return try await LedgerDatabase.with { database in
            let folder = "/tmp/identity-\(UUID().uuidString)"
            var configuration = IdentityConfiguration(baseURL: "https://api.example.org", pagesURL: "https://app.example.org")
            configuration.passwordCost = PasswordCost(rounds: 16, blockSize: 1, parallelism: 1)
            change(&configuration)
            let postgres = PostgresClient(database.service, maximumConnections: 4, logger: database.logger)
            let mailer = Mailer(folder: folder, server: nil, sender: "gateway@example.org", logger: database.logger)
            let transport = HTTPTransport(logger: database.logger)
            let identity = Identity(
                configuration: configuration, postgres: postgres, mailer: mailer, transport: transport, hooks: hooks,
                logger: database.logger)
            func end() async {
                await identity.drain()
                await transport.shutdown()
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
        // So that its mail is written before a later one.
        await identity.drain()
        if let session { return session }
        return try await identity.beginSession(for: person, Caller(address: address))
    }

    func count(_ table: String) async throws -> Int64 {
        try await database.client.query("SELECT count(*) FROM identity.\(table)")[0].decode(0)
    }
}

/// Tests run side by side, and each has a database with connections of its own: this many at a time.
private final class Places: Sendable {
    static let shared = Places()

    private struct State {
        var free = 6
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func take() async {
        await withCheckedContinuation { (caller: CheckedContinuation<Void, Never>) in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(caller)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { caller.resume() }
        }
    }

    func leave() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
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
