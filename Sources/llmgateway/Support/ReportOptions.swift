import ArgumentParser
import Web

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
        try show(json: WebValue.encoding(value).text, text: text(), table: table())
    }

    /// - Parameter json: One JSON object.
    func show(
        json object: @autoclosure () throws -> String, text: @autoclosure () -> String, table: @autoclosure () -> [[String]]
    ) throws {
        if json {
            try StandardStream.output.write(line: object())
        } else if csv {
            for row in table() { try StandardStream.output.write(line: CSV.line(row)) }
        } else {
            try StandardStream.output.write(line: text())
        }
    }
}
