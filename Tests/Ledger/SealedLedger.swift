import Crypto
import Foundation
import Postgres
import TestSupport

@testable import Ledger

/// A ledger with seals in a folder.
struct SealedLedger: Sendable {
    let database: LedgerDatabase
    let client: PostgresClient
    let file: SealFile
    let key: SealKey
    let sealer: Sealer
    let check: SealCheck

    static func with(_ body: (SealedLedger) async throws -> Void) async throws {
        try await withLedgerDatabase { database in
            try await withFolder { folder in
                try await withClient(database.service) { client in
                    let file = SealFile(folder: folder + "/seals", ledger: database.ledger)
                    let key = try SealKey(path: folder + "/key")
                    let sealer = Sealer(client: client, ledger: database.ledger, file: file, key: key, logger: quietLogger)
                    let check = SealCheck(client: client, file: file, keys: [key.publicKey], ledger: database.ledger)
                    try await body(
                        SealedLedger(database: database, client: client, file: file, key: key, sealer: sealer, check: check))
                }
            }
        }
    }

    func append(_ count: Int) async throws {
        let cast = Cast()
        try await withAppender(database.service) { appender in
            let events = try (0..<count).map { _ in try cast.grant() }
            for start in stride(from: 0, to: count, by: 128) {
                _ = try await appender.append(Command(Array(events[start..<min(start + 128, count)])))
            }
        }
    }

    func verify(seals: [Seal]? = nil, keys: [Curve25519.Signing.PublicKey]? = nil) async throws -> VerifyReport {
        let read = try await file.read()
        return try await Verifier(
            configuration: database.service, seals: .init(seals: seals ?? read, keys: keys ?? [key.publicKey]),
            logger: quietLogger
        ).run()
    }
}
