import ArgumentParser
import Ledger
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
        try StandardStream.output.write(line: json ? WebValue.encoding(value).text : text)
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
        // Whoever closed it does not want to see how it goes on, and the work is not about that.
        try? StandardStream.error.write(line)
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

/// Writes to a standard stream without buffering, and says when that fails: `print` keeps what it could not write to itself, and a
/// command whose output is lost must not end as if it were there.
struct StandardStream: Sendable {
    static let output = StandardStream(descriptor: STDOUT_FILENO, name: "standard output")
    static let error = StandardStream(descriptor: STDERR_FILENO, name: "standard error")

    private let descriptor: Int32
    private let name: String

    private init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    func write(line: String) throws(FileError) { try write(line + "\n") }

    func write(_ text: String) throws(FileError) { try write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) throws(FileError) {
        var start = 0
        while start < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + start }, buffer.count - start)
            }
            if written >= 0 {
                start += written
                continue
            }
            switch errno {
            case EINTR: break
            case EAGAIN:
                // Whoever gave it made it one that does not wait.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
            case let number: throw FileError("write", name, number: number)
            }
        }
    }
}
