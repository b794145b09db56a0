import Crypto
import FoundationEssentials
import Ledger
import Logging
import Postgres

/// The seals of this installation: the key in the home, the file beside it, both outside the database.
///
/// `LLMGATEWAY_HOME/seal-key` is made on first use with mode 600; an operator who keeps the private key elsewhere seals
/// there with `ledger seal` and leaves only `seal-key.pub` here.
struct Seals: Sendable {
    let sealer: Sealer
    let file: SealFile
    let key: SealKey
    private let startCheck: SealCheck

    init(settings: Settings, postgres: PostgresClient, logger: Logger) async throws {
        guard let ledger = try await LedgerReader(postgres).ledgerID() else {
            throw SettingsError(message: "The database holds no ledger yet: run `llmgateway migrate` first.")
        }
        try FileManager.default.createDirectory(atPath: settings.home + "/seals", withIntermediateDirectories: true)
        file = SealFile(folder: settings.home + "/seals", ledger: ledger)
        key = try SealKey(path: settings.home + "/seal-key")
        sealer = Sealer(client: postgres, ledger: ledger, file: file, key: key, logger: logger)
        startCheck = SealCheck(client: postgres, file: file, keys: [key.publicKey], ledger: ledger)
    }

    /// - Throws: `LedgerBehindSeal` when the ledger is not what its newest seal says and that is not accepted.
    func check(acceptsRollback: Bool) async throws {
        if acceptsRollback { try await startCheck.acceptRollback() }
        try await startCheck.run()
    }

    func run() async { await sealer.run() }
}
