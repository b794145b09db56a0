import ArgumentParser
import FoundationEssentials
import Ledger
import Logging
import Postgres
import Synchronization

struct LedgerCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Read, verify, seal, export, replay and close the ledger.",
        subcommands: [
            Events.self, Verify.self, SealCommand.self, Export.self, Proof.self, Replay.self, Copy.self, Close.self,
            Periods.self,
        ])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Recompute every hash, check the seals, and name the first event that was touched; exit status 1 then.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try Settings()
            let logger = settings.logger(defaultLevel: .warning)
            let configuration = try settings.postgres(settings.databaseURL, name: "llmgateway verify")
            let line = Mutex(ProgressLine())
            let (report, isProtected) = try await Shop.open { shop in
                let ledger = try await LedgerReader(shop.postgres).ledgerID()
                let verifier = Verifier(
                    configuration: configuration, seals: try await Seals.forVerifying(settings, ledger: ledger), logger: logger)
                let report = try await verifier.run { progress in
                    let remaining = progress.remaining.map { ", \($0.components.seconds) s left" } ?? ""
                    let text = "verified \(progress.verified) of \(progress.total), \(progress.rate) events/s\(remaining)"
                    line.withLock { $0.show(text, isLast: progress.verified == progress.total) }
                }
                return (report, try await LedgerProtection.findings(shop.postgres).isEmpty)
            }
            struct Answer: Encodable {
                let head: Int64, sealedTo: Int64, unsealedTail: Int64, fault: OrNull<String>, faultPosition: OrNull<Int64>
                let seconds: Double, isProtected: Bool, sealedProtected: OrNull<Bool>
            }
            let seconds = Double(report.elapsed.components.seconds) + Double(report.elapsed.components.attoseconds) / 1e18
            try output.show(
                Answer(
                    head: report.head, sealedTo: report.sealedTo, unsealedTail: report.unsealedTail,
                    fault: OrNull(report.fault.map { "\($0)" }), faultPosition: OrNull(report.fault?.position), seconds: seconds,
                    isProtected: isProtected, sealedProtected: OrNull(report.sealedProtected)),
                text: report.summary + (isProtected ? "" : "; unprotected: this role could change recorded events"))
            if report.fault != nil { throw ExitCode(1) }
        }
    }

    struct SealCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "seal", abstract: "Seal everything up to the present head.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try Settings()
            let logger = settings.logger(defaultLevel: .warning)
            let seals = try await Shop.open { shop in
                let seals = try await Seals(settings: settings, postgres: shop.postgres, logger: logger)
                guard let sealer = seals.sealer else {
                    throw SettingsError(message: "\(settings.home)/seal-key is not here: seal where the private key is.")
                }
                return try await sealer.seal()
            }
            struct Answer: Encodable { let from: Int64, to: Int64 }
            try output.show(
                seals.map { Answer(from: $0.from, to: $0.to) },
                text: seals.isEmpty
                    ? "nothing new to seal" : seals.map { "sealed \($0.from) to \($0.to)" }.joined(separator: "\n"))
        }
    }
}
