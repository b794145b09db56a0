/// What the fuzzer runs, and what every run of the tests replays over the corpus.
///
/// A target takes bytes that a stranger might send and says what does not hold of the answer; not crashing is the least of it.
enum FuzzTarget: String, CaseIterable {
    case json, events, requests, answers, streams, taps, frames, ledger, stripe, webauthn

    /// - Throws: `Broken` when a property does not hold.
    func run(_ bytes: [UInt8]) throws(Broken) {
        switch self {
        case .json: try fuzzJSON(bytes)
        case .events: try fuzzEvents(bytes)
        case .requests: try fuzzRequests(bytes)
        case .answers: try fuzzAnswers(bytes)
        case .streams: try fuzzStreams(bytes)
        case .taps: try fuzzTaps(bytes)
        case .frames: try fuzzFrames(bytes)
        case .ledger: try fuzzLedger(bytes)
        case .stripe: try fuzzStripe(bytes)
        case .webauthn: try fuzzWebAuthn(bytes)
        }
    }
}

/// A property that does not hold for an input.
struct Broken: Error, CustomStringConvertible {
    let description: String
}

func require(_ holds: Bool, _ property: @autoclosure () -> String) throws(Broken) {
    guard holds else { throw Broken(description: property()) }
}

/// The input cut in two: its first two bytes say where. What is read must not depend on it.
func cut(_ bytes: [UInt8]) -> (whole: [UInt8], pieces: [[UInt8]]) {
    guard bytes.count > 2 else { return ([], []) }
    let whole = Array(bytes.dropFirst(2))
    let at = (Int(bytes[0]) << 8 | Int(bytes[1])) % (whole.count + 1)
    return (whole, [Array(whole[..<at]), Array(whole[at...])])
}
