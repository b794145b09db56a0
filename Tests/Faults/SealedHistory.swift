import Crypto
import Foundation
import Postgres
import TestSupport

@testable import Ledger

/// A ledger of a random history with seals in a folder, an unsealed tail, and a copy of its events to go back to.
struct SealedHistory: Sendable {
    let database: LedgerDatabase
    /// LLMGATEWAY_HOME of the executable.
    let home: String
    let ledger: UUID
    let events: [RecordedEvent]
    let file: SealFile
    let seals: [Seal]
    let key: SealKey

    var head: Int64 { Int64(events.count) }
    var sealedTo: Int64 { seals.last?.to ?? 0 }

    /// - Parameters:
    ///   - count: how many events the history has, besides the two that begin a ledger.
    ///   - parts: how many seals; about as many events lie behind the last.
    static func with(
        _ count: Int, parts: Int, seed: UInt64, _ body: (SealedHistory) async throws -> Void
    ) async throws {
        try await LedgerDatabase.with { database in
            let home = NSTemporaryDirectory() + "/tamper-\(UUID().uuidString.prefix(13))"
            defer { try? FileManager.default.removeItem(atPath: home) }
            let reader = LedgerReader(database.client)
            let ledger = try await reader.ledgerID() ?? .zero
            let file = SealFile(folder: home + "/seals", ledger: ledger)
            let key = try SealKey(path: home + "/seal-key")
            let sealer = Sealer(client: database.client, ledger: ledger, file: file, key: key, logger: database.logger)
            let events = try HistoryGenerator(seed: seed).first(count)
            for part in 0...parts {
                try await database.append(Array(events[(count * part / (parts + 1))..<(count * (part + 1) / (parts + 1))]))
                if part < parts { try await sealer.seal() }
            }
            try await database.client.query("CREATE TABLE untouched AS TABLE ledger.events")
            let history = SealedHistory(
                database: database, home: home, ledger: ledger, events: try await reader.events(limit: count + 2), file: file,
                seals: try await file.read(), key: key)
            try await body(history)
        }
    }

    /// Runs statements as whoever owns the machine: no trigger fires. The events are what they were before, but for them.
    func tamper(_ sql: String) async throws {
        try await database.client.withConnection { connection in
            try await connection.script(
                """
                BEGIN;
                SET LOCAL client_min_messages = warning;
                ALTER TABLE ledger.events DISABLE TRIGGER USER;
                TRUNCATE ledger.events;
                INSERT INTO ledger.events SELECT * FROM untouched;
                \(sql);
                COMMIT
                """)
        }
    }

    /// - Parameter pieceSize: a power of two; about so many events are read at a time.
    func verify(seals other: [Seal]? = nil, pieceSize: Int64 = VerifyPlan.pieceSize) async throws -> VerifyReport {
        var verifier = Verifier(
            configuration: database.service, seals: .init(seals: other ?? seals, keys: [key.publicKey]), logger: database.logger)
        verifier.pieceSize = pieceSize
        return try await verifier.run()
    }

    /// What `llmgateway ledger verify --json` answers, and whether it ended with the status 0.
    func verifyByExecutable() async throws -> (answer: Answer, isWhole: Bool) {
        let environment = [
            "DATABASE_URL": database.url.replacing(/user=[^&]*/, with: "user=llmgateway_service"),
            "REDIS_URL": "redis://127.0.0.1:1",
            "LLMGATEWAY_HOME": home, "LLMGATEWAY_ROOT": TestEnvironment.root, "LOG_LEVEL": "error",
        ]
        let command = [GatewayProcess.executable, "ledger", "verify", "--json"]
        do {
            let output = try await runCommand(command, environment: environment)
            return (try JSONDecoder().decode(Answer.self, from: Data(output.utf8)), true)
        } catch let failure as CommandFailure where failure.status == 1 {
            let line = failure.output.split(separator: "\n").first { $0.hasPrefix("{") } ?? ""
            guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(line.utf8)) else { throw failure }
            return (answer, false)
        }
    }

    struct Answer: Decodable {
        let head: Int64
        let sealedTo: Int64
        let unsealedTail: Int64
        let fault: String?
        let faultPosition: Int64?
    }
}

extension HistoryGenerator {
    fileprivate func first(_ count: Int) throws -> [NewEvent] {
        var generator = self
        return try generator.events(count)
    }
}
