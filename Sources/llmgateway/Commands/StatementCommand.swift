import ArgumentParser
import Finance
import FoundationEssentials
import Ledger
import Money

struct StatementCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "statement",
        abstract: "An organization's account between two moments: opening balance, every movement, closing balance.",
        discussion: "The moments are when things were recorded, so a statement of the past is the same for ever.")

    @Option(help: "The organization (org_…).")
    var organization: OrganizationID

    @Option(help: "What was recorded after this time; from the beginning if left out.")
    var from: Timestamp?

    @Option(help: "What was recorded at or before this time; up to now if left out.")
    var to: Timestamp?

    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await Shop.open { [organization, from, to, report] shop in
            let finance = Finance(postgres: shop.postgres)
            let statement = try await finance.statement(of: organization, from: from, to: to)
            if report.csv {
                try await finance.exportCSV(statement) { try StandardStream.output.write($0) }
                return
            }
            if report.json {
                try await Self.json(statement, finance)
                return
            }
            let output = StandardStream.output
            try output.write(line: "opening \(statement.opening.balance) USD after position \(statement.after)")
            try await Self.movements(statement, finance) { movement in
                try output.write(
                    line: "\(movement.position) \(movement.recordedAt) \(movement.type) \(movement.stream) \(movement.amount) "
                        + "\(movement.balance)")
            }
            try output.write(line: "closing \(statement.closing.balance) USD at position \(statement.upTo)")
        }
    }

    private struct Line: Encodable {
        let position: Int64, event: String, recordedAt: String, occurredAt: String, type: String, stream: String, amount: String
        let balance: String
    }

    /// One object, written as it is read: a statement may have more movements than memory takes.
    private static func json(_ statement: Statement, _ finance: Finance) async throws {
        struct Head: Encodable { let organization: String, after: Int64, upTo: Int64, opening: String, closing: String }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let head = try encoder.encode(
            Head(
                organization: statement.organization.description, after: statement.after, upTo: statement.upTo,
                opening: statement.opening.balance.decimal, closing: statement.closing.balance.decimal))
        try StandardStream.output.write(Array(head.dropLast()) + Array(",\"movements\":[".utf8))
        var isFirst = true
        try await movements(statement, finance) { movement in
            let line = try encoder.encode(
                Line(
                    position: movement.position, event: movement.event.description, recordedAt: movement.recordedAt.iso8601,
                    occurredAt: movement.occurredAt.iso8601, type: movement.type, stream: movement.stream,
                    amount: movement.amount.decimal, balance: movement.balance.decimal))
            try StandardStream.output.write((isFirst ? [] : Array(",".utf8)) + Array(line))
            isFirst = false
        }
        try StandardStream.output.write("]}\n")
    }

    private static func movements(
        _ statement: Statement, _ finance: Finance, _ body: (Statement.Movement) throws -> Void
    ) async throws {
        var last: (position: Int64, balance: NanoDollars)?
        while true {
            let page = try await finance.movements(of: statement, after: last, limit: 5_000)
            for movement in page { try body(movement) }
            guard let end = page.last else { return }
            last = (end.position, end.balance)
        }
    }
}
