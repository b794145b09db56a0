import ArgumentParser
import Finance
import FoundationEssentials
import Ledger
import Logging
import Money
import Postgres
import Projections
import Synchronization

extension LedgerCommands {
    struct Proof: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prove that an event is under a seal, to somebody who has the seal's public key and nothing else.",
            discussion:
                "Prints one JSON object: the event with the exact text that its hash covers, the way up to the root, the seal.")

        @Option(help: "The event's position.")
        var event: Int64

        func run() async throws {
            let settings = try Settings()
            let logger = settings.logger(defaultLevel: .warning)
            let proof = try await Shop.open { [event] shop in
                let ledger = try await LedgerReader(shop.postgres).ledgerID()
                let seals = try await Seals.forVerifying(settings, ledger: ledger).effective(of: ledger)
                return try await EventProof.of(position: event, seals: seals, postgres: shop.postgres)
            }
            guard proof.isSound else {
                throw ValidationError(
                    "The event at position \(event) is not what the seal covers: run `llmgateway ledger verify`.")
            }
            // The line of the export, which says all that the leaf covers.
            let lines = Mutex([UInt8]())
            try await Exporter(
                configuration: try settings.postgres(settings.databaseURL, name: "llmgateway proof"), logger: logger
            ).run(after: event - 1, filter: EventFilter(upTo: event)) { bytes in lines.withLock { $0 += bytes } }
            let exported = String(decoding: lines.withLock { $0 }, as: UTF8.self).split(separator: "\n")
            guard exported.count == 2 else { throw ValidationError("There is no event at position \(event).") }
            let path = proof.proof.path.map { "\"\(Self.hexadecimal($0))\"" }.joined(separator: ",")
            print(
                "{\"format\":\"llmgateway proof 1\",\"event\":\(exported[1]),\"leaf\":\"\(Self.hexadecimal(proof.leaf))\","
                    + "\"index\":\(proof.proof.index),\"count\":\(proof.proof.count),\"path\":[\(path)],"
                    + "\"seal\":\(proof.seal.json)}")
        }

        private static func hexadecimal(_ bytes: [UInt8]) -> String { Hexadecimal.encode(bytes) }
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
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let to, to < 1 { throw ValidationError("--to must be at least 1.") }
        }

        func run() async throws {
            let settings = try Settings()
            let logger = settings.logger(defaultLevel: .warning)
            let head = try await Shop.open { try await Finance(postgres: $0.postgres).head() }
            let position = min(to ?? head, head)
            let names = projection.isEmpty ? ["balances", "journal", "transactions", "payments"] : projection
            var digests: [Comparison.Digest] = []
            for name in names {
                let line = RebuildProgressLine(name)
                digests.append(
                    try await ScratchReplay(
                        definition: try folders.definition(name, settings),
                        configuration: try settings.postgres(settings.projectorDatabaseURL, name: "llmgateway replay"),
                        logger: logger
                    ).run(to: position) { line.show($0) })
            }
            struct Answer: Encodable { let position: Int64, digests: [Comparison.Digest] }
            try output.show(
                Answer(position: position, digests: digests),
                text: digests.map { "\($0.schema) at \(position): \($0.total)" }.joined(separator: "\n"))
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
