import Ledger
import Testing

@testable import Gateway

@Suite struct RetryAfterTests {
    /// 29 November 2026, 23:59:30 UTC.
    private static let now = Timestamp(microseconds: 1_795_996_770_000_000)

    @Test(
        arguments: [
            ("7", 7), ("0", 0), ("-3", 0), ("99999", 3_600), ("Mon, 30 Nov 2026 00:00:30 GMT", 60),
            ("Sun, 29 Nov 2026 23:00:00 GMT", 0), ("Tue, 01 Dec 2026 00:00:00 GMT", 3_600), ("soon", nil), ("", nil),
            ("Mon, 31 Nov 2026 00:00:30 GMT", nil), ("Mon, 30 Nov 2026 00:00:30 CET", nil),
        ] as [(String, Int?)])
    func aHeaderSaysSecondsOrADate(_ header: String, _ seconds: Int?) {
        #expect(RetryAfter.seconds(header: header, body: [], at: Self.now) == seconds)
    }

    @Test(
        arguments: [
            ("38s", 38), ("3.5s", 4), ("3.000s", 3), ("0s", 0), ("35640s", 3_600), ("-1s", nil), ("9", nil), ("s", nil),
            ("99999999999999999999s", nil),
        ] as [(String, Int?)])
    func googleSaysItInTheBody(_ delay: String, _ seconds: Int?) {
        let info = #"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"\#(delay)"}"#
        let refusal = #"{"error":{"code":429,"message":"Oh","details":[{"@type":"other"},\#(info)]}}"#
        #expect(RetryAfter.seconds(header: nil, body: Array(refusal.utf8), at: Self.now) == seconds)
        #expect(RetryAfter.seconds(header: nil, body: Array("[\(refusal)]".utf8), at: Self.now) == seconds)
        #expect(RetryAfter.seconds(header: "7", body: Array(refusal.utf8), at: Self.now) == 7)
        #expect(RetryAfter.seconds(header: nil, body: Array("<html>".utf8), at: Self.now) == nil)
    }
}
