import Ledger
import Money
import Redis

/// Reads the line that `admit` of functions.lua answers.
enum AdmitReply {
    static func decision(_ reply: RedisValue) throws(AdmissionError) -> AdmitDecision {
        guard let bytes = reply.bytes else { throw AdmissionError(.protocolViolation, "admit answered no text") }
        let words = bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        switch (words.first, words.count) {
        case ("unknown", 1): return .unknown
        case ("stale", 2):
            guard let policy = Int64(words[1]) else { break }
            return .stale(policy: policy)
        case ("admitted", 10):
            let isRetained = words[4].hasSuffix("r")
            guard let epoch = Int64(words[1]), let seconds = Int64(words[2]), let microseconds = Int64(words[3]),
                (0..<10_000_000_000).contains(seconds), (0..<1_000_000).contains(microseconds),
                let policy = Int64(words[4].dropLast(isRetained ? 1 : 0)), let available = least(words[6...]),
                let balance = Int64(words[6])
            else { break }
            return .admitted(
                Admission(
                    epoch: epoch, admittedAt: Timestamp(microseconds: seconds * 1_000_000 + microseconds), available: available,
                    balance: NanoDollars(balance), policy: policy, strict: words[5] == "1", isRetained: isRetained))
        case ("denied", 8):
            guard let reason = Denial.Reason(rawValue: words[1]), let scope = Denial.Scope(rawValue: words[2]) else { break }
            return .denied(
                Denial(
                    reason: reason, scope: scope, available: least(words[4...]),
                    retryAfter: Int64(words[3]).map { .milliseconds($0) }))
        default: break
        }
        throw AdmissionError(.protocolViolation, "admit answered a line of an unknown shape")
    }

    /// The least of the amounts; `-` stands for none.
    static func least(_ words: ArraySlice<String>) -> NanoDollars? {
        words.compactMap { Int64($0) }.min().map { NanoDollars($0) }
    }
}
