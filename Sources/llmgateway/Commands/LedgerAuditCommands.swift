import ArgumentParser
import Finance
import Ledger
import Logging
import Money
import Projections
import Synchronization

extension LedgerCommands {
    struct Proof: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prove that an event is under a seal, to somebody who has the seal's public key and nothing else.",
            discussion: """
                --json prints the whole proof: the event with the exact text that its hash covers, the way up to the root, the \
                seal.
                """)

        @Option(help: "The event's position.")
        var event: Int64

        @OptionGroup var report: ReportOptions

        func run() async throws {
            let settings = try Settings()
            let proof = try await Shop.open { [event] shop in
                let ledger = try await LedgerReader(shop.postgres).ledgerID()
                let seals = try await Seals.forVerifying(settings, ledger: ledger).effective(of: ledger)
                return try await EventProof.of(position: event, seals: seals, postgres: shop.postgres)
            }
            try report.show(
                json: proof.json,
                text: """
                    The event at position \(event) is under the seal of \(proof.seal.from) to \(proof.seal.to): leaf \
                    \(Hexadecimal.encode(proof.leaf)), root \(Hexadecimal.encode(proof.seal.root)), \(proof.proof.path.count) \
                    hashes between them. --json prints what a third party needs to check it.
                    """,
                table: proof.table)
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replay the ledger to a position of the past into scratch schemas, and print a digest of the state.",
            discussion: """
                The same events give the same digest on every machine. The tables stay in NAME__replay, to be looked at, until the \
                next replay.
                """)

        @Option(help: "The last position that is applied; the ledger's end if left out.")
        var to: Int64?

        @Option(help: "A projection; may be repeated. balances, journal, transactions and payments if left out.")
        var projection: [String] = []

        @OptionGroup var folders: ProjectionsCommands.Folders
        @OptionGroup var report: ReportOptions

        func validate() throws {
            if let to, to < 1 { throw ValidationError("--to must be at least 1.") }
        }

        func run() async throws {
            let settings = try Settings()
            let head = try await Shop.open { try await Finance(postgres: $0.postgres).head() }
            let names = projection.isEmpty ? StateReplay.ofMoney : projection
            let lines = Mutex<[String: RebuildProgressLine]>([:])
            let state = try await StateReplay(
                definitions: try names.map { try folders.definition($0, settings) },
                configuration: try settings.postgres(settings.projectorDatabaseURL, name: "llmgateway replay"),
                logger: settings.logger(defaultLevel: .warning)
            ).run(to: min(to ?? head, head)) { name, progress in
                lines.withLock { lines in
                    if lines[name] == nil { lines[name] = RebuildProgressLine(name) }
                    lines[name]?.show(progress)
                }
            }
            try report.show(
                state, text: state.digests.map { "\($0.schema) at \(state.position): \($0.total)" }.joined(separator: "\n"),
                table: state.table)
        }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Close a month (UTC) that is over: what its books hold is an event, and is sealed.",
            discussion: "What is corrected later is an event after it: `llmgateway credits adjust --corrects POSITION`.")

        @Option(help: "The month, as 2026-10.")
        var period: String

        @OptionGroup var report: ReportOptions

        func run() async throws {
            let settings = try Settings()
            let logger = settings.logger(defaultLevel: .warning)
            let closed = try await Shop.open { [period] shop in
                let closed = try await PeriodClose(postgres: shop.postgres, appender: shop.appender).close(period)
                // Where the private key is elsewhere, whoever has it seals.
                _ = try await Seals(settings: settings, postgres: shop.postgres, logger: logger).sealer?.seal()
                return closed
            }
            try report.show(
                closed,
                text: "\(closed.period) closed at position \(closed.position), chain \(closed.chain)\n"
                    + closed.accounts.map { "\($0.account) \($0.balance.decimal)" }.joined(separator: "\n"),
                table: [["account", "balance"]] + closed.accounts.map { [$0.account, $0.balance.decimal] })
        }
    }

    struct Periods: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The months that are closed, and whether the books still add up to what was closed; exit status 1 if not.")

        @OptionGroup var report: ReportOptions

        func run() async throws {
            let closed = try await Shop.open {
                try await PeriodClose(postgres: $0.postgres, appender: $0.appender).closed()
            }
            struct Answer: Encodable { let period: String, position: Int64, chain: String, sound: Bool }
            try report.show(
                closed.map {
                    Answer(period: $0.data.period, position: $0.data.position, chain: $0.data.chain, sound: $0.isSound)
                },
                text: closed.map { "\($0.data.period) to \($0.data.position): \($0.isSound ? "sound" : "CHANGED")" }
                    .joined(separator: "\n"),
                table: [["period", "position", "chain", "sound"]]
                    + closed.map { [$0.data.period, String($0.data.position), $0.data.chain, String($0.isSound)] })
            if closed.contains(where: { !$0.isSound }) { throw ExitCode(1) }
        }
    }
}
