import JSON
import Testing

@testable import Dialects

/// The beginning of a stream that goes on as it came.
@Suite struct PassedAnswerTests {
    private static func failed(_ message: String) -> String {
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"\(message)\"}}\n\n"
    }

    /// What comes behind an error neither takes its place nor lets it through, however the bytes are cut.
    @Test(arguments: [1, 7, Int.max]) func nothingComesAfterAnError(_ size: Int) {
        let said = "event: content_block_start\ndata: {\"type\":\"content_block_start\"}\n\n"
        for rest in [Self.failed("second"), said, ": comment\n\n"] {
            let bytes = Array((Self.failed("first") + rest).utf8)
            var answer = PassedAnswer.messages
            var output: [UInt8] = []
            for start in stride(from: 0, to: bytes.count, by: min(size, bytes.count)) {
                output += answer.feed(Array(bytes[start..<min(bytes.count, start + min(size, bytes.count))]))
            }
            output += answer.end()
            #expect(answer.error?.message == "first" && output.isEmpty && !answer.isMalformed)
        }
    }

    /// Nobody fills the memory by saying nothing.
    @Test(arguments: ["data: {\"type\":\"ping\"}\n\n", ": comment\n\n", ":"]) func silenceHasItsEnd(_ silence: String) {
        var answer = PassedAnswer(
            silent: ["ping"], maximumHeldBytes: 1000, failure: { _ in nil },
            refused: { status, _ in APIError(status: status, message: "") })
        for _ in 0..<(1000 / silence.utf8.count) { #expect(answer.feed(Array(silence.utf8)).isEmpty && !answer.isMalformed) }
        #expect(answer.feed(Array(silence.utf8)).isEmpty && answer.isMalformed && answer.end().isEmpty)
        #expect(answer.feed(Array("data: {\"type\":\"x\"}\n\n".utf8)).isEmpty)
    }
}
