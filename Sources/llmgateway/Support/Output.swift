import ArgumentParser
import Web

#if canImport(Glibc)
    import Glibc
#endif

/// How a command says what it did: a line for people, or one JSON object with `--json`.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON object instead of text.")
    var json = false

    /// Prints `value` as JSON with `--json`, else `text`.
    func show(_ value: some Encodable, text: String) throws {
        print(json ? try WebValue.encoding(value).text : text)
    }
}

/// Progress of a long-running command: one line that is redrawn on a terminal, a plain line now and then elsewhere.
struct ProgressLine: ~Copyable {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var lastShown: ContinuousClock.Instant?

    /// Shows `text` when enough time has passed since the last line, or at once when `isLast`.
    mutating func show(_ text: String, isLast: Bool = false) {
        let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(5)
        if let lastShown, !isLast, ContinuousClock.now - lastShown < interval { return }
        lastShown = .now
        let line = isTerminal ? "\r\u{1B}[K\(text)\(isLast ? "\n" : "")" : text + "\n"
        StandardStream.error.write(line)
    }
}

/// How fast a count grows, and how long the rest takes at that rate.
struct Meter {
    private let start = ContinuousClock.now
    private var first: Int64?

    /// As `, 52000 events/s, 12 s left`; empty until something is known.
    mutating func describe(_ count: Int64, of target: Int64) -> String {
        guard let first else {
            first = count
            return ""
        }
        let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
        guard count > first, milliseconds > 0 else { return "" }
        let rate = Double(count - first) * 1_000 / milliseconds
        return ", \(Int(rate)) events/s, \(Int(Double(max(0, target - count)) / rate)) s left"
    }
}

/// Writes to a standard stream without buffering.
struct StandardStream: Sendable {
    static let output = StandardStream(descriptor: STDOUT_FILENO)
    static let error = StandardStream(descriptor: STDERR_FILENO)

    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    func write(_ text: String) { write(Array(text.utf8)) }

    func write(_ text: [UInt8]) {
        var bytes = text[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}
