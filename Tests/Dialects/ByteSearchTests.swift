import TestSupport
import Testing

@testable import Dialects

@Suite struct ByteSearchTests {
    /// Against looking at every place, with few letters, so that much matches in part.
    @Test func findsTheFirstPlace() {
        let seed = TestEnvironment.seed("byte search")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 97...98, using: &random) }
            let needle = (0..<Int.random(in: 1...5, using: &random)).map { _ in UInt8.random(in: 97...98, using: &random) }
            let start = Int.random(in: 0...text.count, using: &random)
            let expected = (start...text.count).first { text[$0...].starts(with: needle) }
            #expect(text.firstPlace(of: needle, from: start) == expected, "LLMGATEWAY_SEED=\(seed): \(needle) in \(text)")
        }
    }

    /// A search that looks at every place anew would take hours for these.
    @Test func longTextsTakeNoLonger() {
        let text = [UInt8](repeating: 97, count: 4_000_000)
        #expect(text.firstPlace(of: [UInt8](repeating: 97, count: 2_000_000) + [98], from: 0) == nil)
    }
}
