import Foundation

/// One line of results.
enum JSONLine {
    /// Prints it, members in order of their names.
    static func show(_ line: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        // Unbuffered, so that a pipe shows each line when it is there.
        try FileHandle.standardOutput.write(contentsOf: try encoder.encode(line) + Data("\n".utf8))
    }
}

extension Double {
    /// Rounded to so many places after the point.
    func places(_ count: Int) -> Double {
        let factor = (0..<count).reduce(1.0) { power, _ in power * 10 }
        return (self * factor).rounded() / factor
    }
}
