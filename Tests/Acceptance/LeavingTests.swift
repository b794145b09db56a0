import Foundation
import TestSupport
import Testing

/// Clients that go away before they have their answer pay for what the provider did for them, no more and no less.
@Suite(.serialized) struct LeavingTests {
    /// The provider writes a token a chunk, and knows how many it had written when it saw that nobody reads any more. One chunk
    /// may have been on its way just then.
    @Test func aStreamIsChargedWhatTheProviderHadWritten() async throws {
        try await withProviderPort { gateway, port in
            let key = try await AcceptanceTests.shop(gateway)
            let written = try JSONDecoder().decode(
                [String: Int].self,
                from: Data(try await gateway.python("budget.py", ["leave_stream", key.token, "\(port)"]).utf8))
            #expect(written.count == 10)
            let outcomes = try await gateway.outcomes("request.cancelled", count: 10)
            var charged = 0
            for outcome in outcomes {
                let chunks = try #require(written[outcome.metadata.clientRequestID ?? ""])
                let tokens = outcome.data.usage.completionTokens
                #expect((chunks - 1...chunks).contains(tokens), "\(tokens) of \(chunks) chunks")
                #expect(outcome.data.estimated)
                // A micro-dollar a token, and nothing for the prompt.
                #expect(outcome.data.charged == tokens * 1000)
                charged += outcome.data.charged
            }
            #expect(try await gateway.charged(key.organization) == charged)
        }
    }

    /// A provider that thinks for minutes before its first word is told at once, and paid for the question.
    @Test(arguments: ["nothing", "head"]) func aSilentStreamIsEndedAndThePromptCharged(_ said: String) async throws {
        try await withProviderPort { gateway, port in
            let key = try await AcceptanceTests.shop(gateway)
            try await gateway.python("budget.py", ["leave_silence", key.token, "\(port)", said])
            let outcomes = try await gateway.outcomes("request.cancelled", count: 3)
            for outcome in outcomes {
                #expect(outcome.data.usage.completionTokens == 0 && outcome.data.usage.promptTokens > 0)
                #expect(outcome.data.estimated)
                #expect(outcome.data.charged == outcome.data.usage.promptTokens * 1000)
            }
            #expect(try await gateway.charged(key.organization) == outcomes.reduce(0) { $0 + $1.data.charged })
        }
    }

    /// Nothing can be saved by hanging up on a provider that bills the whole answer anyway, so the call runs on.
    @Test func anAnswerThatIsNotStreamedIsChargedWhatTheProviderReports() async throws {
        try await withProviderPort { gateway, port in
            let key = try await AcceptanceTests.shop(gateway)
            try await gateway.python("budget.py", ["leave_whole", key.token, "\(port)"])
            let outcomes = try await gateway.outcomes("request.completed", count: 10)
            #expect(Set(outcomes.compactMap(\.metadata.clientRequestID)).count == 10)
            for outcome in outcomes {
                #expect(outcome.data.usage == .init(promptTokens: 33, completionTokens: 44))
                #expect(!outcome.data.estimated)
                // $1 and $2 a million tokens.
                #expect(outcome.data.charged == 33_000 + 88_000)
            }
            #expect(try await gateway.charged(key.organization) == 1_210_000)
        }
    }
}
