import Crypto
import FoundationEssentials
import Ledger
import Logging
import Postgres

/// The seals of this installation: the key in the home, the file beside it, both outside the database.
///
/// `LLMGATEWAY_HOME/seal-key` is made on first use with mode 600. An operator who keeps the private key elsewhere seals
/// there with `ledger seal` and leaves only `seal-key.pub` here: then this machine verifies and does not seal.
struct Seals: Sendable {
    /// Nil where the private key is not.
    let sealer: Sealer?
    private let file: SealFile
    private let ledger: UUID
    private let startCheck: SealCheck

    init(settings: Settings, postgres: PostgresClient, logger: Logger) async throws {
        guard let ledger = try await LedgerReader(postgres).ledgerID() else {
            throw Unmigrated.noLedger
        }
        let file = SealFile(folder: Self.folder(settings), ledger: ledger)
        do { try file.makeFolder() } catch { throw SettingsError(message: "LLMGATEWAY_HOME can't be used: \(error)") }
        let key = try SealKey.unlessElsewhere(path: Self.keyPath(settings))
        let publicKey = try key?.publicKey ?? SealKey.publicKey(path: Self.keyPath(settings) + ".pub")
        if key == nil { logger.notice("the private seal key is not here, so this process does not seal") }
        sealer = key.map { Sealer(client: postgres, ledger: ledger, file: file, key: $0, logger: logger) }
        startCheck = SealCheck(client: postgres, file: file, keys: [publicKey], ledger: ledger)
        self.file = file
        self.ledger = ledger
    }

    /// What `ledger verify` holds the ledger against. It makes nothing: neither folder nor key.
    ///
    /// Where the ledger has no seals but others have, theirs are taken, and the verifier says that they are of another ledger:
    /// whoever writes a whole ledger again under another id must not get rid of the seals by that.
    static func forVerifying(_ settings: Settings, ledger: UUID?) async throws -> Verifier.SealSet {
        let files = try await SealFile.all(in: folder(settings))
        let own = files.filter { $0.ledger == ledger }
        var seals: [Seal] = []
        for file in own.isEmpty ? files : own { seals += try await file.read() }
        let path = keyPath(settings) + ".pub"
        let isKeyHere = FileManager.default.fileExists(atPath: path)
        return .init(seals: seals, keys: isKeyHere ? [try SealKey.publicKey(path: path)] : [])
    }

    /// - Throws: `LedgerBehindSeal` when the ledger is not what its newest seal says and that is not accepted, and
    ///   `SettingsError` when the only seals are of another ledger.
    func check(acceptsRollback: Bool) async throws {
        let others = try await SealFile.all(in: file.folder)
        if !others.isEmpty, !others.contains(where: { $0.ledger == ledger }) {
            throw SettingsError(
                message: "\(file.folder) holds seals of another ledger (\(others.map(\.path).joined(separator: ", "))), and none "
                    + "of \(ledger.uuidString.lowercased()): this is another database, or it was written again. If that is meant, "
                    + "move those files away.")
        }
        if acceptsRollback { try await startCheck.acceptRollback() }
        try await startCheck.run()
    }

    func run() async { await sealer?.run() }

    private static func folder(_ settings: Settings) -> String { settings.home + "/seals" }

    private static func keyPath(_ settings: Settings) -> String { settings.home + "/seal-key" }
}
