internal import Hummingbird

/// Comma-separated values: RFC 4180, lines ended by a line feed.
public enum CSV {
    /// A line without its end.
    public static func line(_ values: [String]) -> String {
        values.map { value in
            guard value.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return value }
            return "\"" + value.replacing("\"", with: "\"\"") + "\""
        }.joined(separator: ",")
    }

    public static let mediaType = "text/csv; charset=utf-8"
}
