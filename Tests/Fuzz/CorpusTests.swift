import Foundation
import TestSupport
import Testing

/// The corpora of the fuzzer, and what follows from them by chance, run through its targets in every run of the tests.
@Suite struct CorpusTests {
    private static func corpus(_ target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let folder = TestEnvironment.root + "/Tests/Fuzz/Corpus/\(target.rawValue)"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
            (name, Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))))
        }
    }

    @Test(arguments: FuzzTarget.allCases) func everyInputOfTheCorpusHolds(target: FuzzTarget) throws {
        let inputs = try Self.corpus(target)
        #expect(!inputs.isEmpty)
        for (name, bytes) in inputs { check(target, bytes, name) }
    }

    @Test(arguments: FuzzTarget.allCases) func whatIsChangedByChanceHoldsToo(target: FuzzTarget) throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("fuzz \(target.rawValue)"))
        let inputs = try Self.corpus(target)
        // Those that read an input in the most ways take the longest.
        let usual = [.requests, .answers, .taps].contains(target) ? 150 : 400
        for _ in 0..<(TestEnvironment.soak ? 100_000 : usual) {
            var bytes = try #require(inputs.randomElement(using: &random)).bytes
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let place = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + 3))
                default: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
                }
            }
            check(target, bytes, "a changed input")
        }
    }

    private func check(_ target: FuzzTarget, _ bytes: [UInt8], _ name: String) {
        do { try target.run(bytes) } catch {
            Issue.record("\(target.rawValue), \(name), \(Data(bytes).base64EncodedString()): \(error)")
        }
    }
}
