import ArgumentParser
import FoundationEssentials

/// How a report is printed: text for people, one JSON object with `--json`, a table for programs with `--csv`.
struct ReportOptions: ParsableArguments {
    @Flag(help: "Print one JSON object instead of text.")
    var json = false

    @Flag(help: "Print comma-separated values with a line of names instead of text.")
    var csv = false

    func validate() throws {
        if json && csv { throw ValidationError("Give --json or --csv, not both.") }
    }

    /// - Parameter table: The names of the columns, then the rows.
    func show(_ value: some Encodable, text: @autoclosure () -> String, table: @autoclosure () -> [[String]]) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(value), as: UTF8.self))
        } else if csv {
            for row in table() { print(Self.line(row)) }
        } else {
            print(text())
        }
    }

    /// RFC 4180.
    static func line(_ values: [String]) -> String {
        values.map { value in
            guard value.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return value }
            return "\"" + value.replacing("\"", with: "\"\"") + "\""
        }.joined(separator: ",")
    }
}
