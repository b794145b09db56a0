import Catalogue
import HTTPTypes
import Testing

@testable import Gateway

/// What is kept of what went between the gateway and a provider.
@Suite struct UpstreamTraceTests {
    private static let account = Provider.Account(baseURL: "https://p.example", apiKey: "sk-0123456789")

    private func trace(limit: Int) throws -> UpstreamTrace {
        let name = try #require(HTTPField.Name("x-debug"))
        return try #require(UpstreamTrace(askedFor: [name: "true"], limit: limit))
    }

    @Test func whatIsTooLongIsNotHeld() throws {
        let trace = try trace(limit: 10)
        trace.begin(Array(repeating: 1, count: 11), from: Self.account)
        trace.add(Array(repeating: 2, count: 6))
        #expect(trace.kept.request == nil && trace.kept.answer?.count == 6 && trace.kept.tooLong == 1)
        // A whole answer comes as one, and nothing that follows is taken for its beginning.
        trace.add(Array(repeating: 2, count: 1_000))
        trace.add([2])
        #expect(trace.kept.request == nil && trace.kept.answer == nil && trace.kept.tooLong == 2)
        trace.conceal()
        #expect(trace.kept.tooLong == 1)
        // Who is asked next is another matter.
        trace.begin(Array(repeating: 1, count: 10), from: Self.account)
        trace.add(Array(repeating: 2, count: 10))
        #expect(trace.kept.request?.count == 10 && trace.kept.answer?.count == 10 && trace.kept.tooLong == 0)
    }

    /// What was sent is hidden, which is not always what the account has.
    @Test(arguments: [
        ("sk-0123456789", "no sk-0123456789", "no ***"),
        (
            "ya29.a/token/of/an/hour", #"{"a":"ya29.a/token/of/an/hour","b":"ya29.a\/token\/of\/an\/hour"}"#,
            #"{"a":"***","b":"***"}"#
        ),
        ("AKIA0123456789:wJalr/XUtnFEMI", #"AKIA0123456789 wJalr/XUtnFEMI wJalr\/XUtnFEMI"#, "*** *** ***"),
        ("AKIA0123456789:wJalr/XUtnFEMI", "AKIA0123456789:wJalr/XUtnFEMI", "***"),
        // A word is no secret.
        ("short:sk-0123456789", "a short sk-0123456789", "a short ***"),
    ])
    func theCredentialThatWasSentIsHidden(_ secret: String, _ said: String, _ told: String) throws {
        let trace = try trace(limit: 1_000)
        let opened = Provider.Account(baseURL: "https://p.example", apiKey: #"{"private_key":"k"}"#)
            .opened(by: secret, project: nil)
        trace.begin([1], from: opened)
        trace.add(Array(said.utf8))
        #expect(trace.kept.answer.map { String(decoding: $0, as: UTF8.self) } == told)
    }
}
