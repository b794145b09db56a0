import Foundation
import TestSupport
import Testing

/// What differs between strict organizations, which are charged at most what was held, and plain ones.
@Suite struct ModeTests {
    @Test func strictIsChargedTheHoldAndPlainInFull() async throws {
        try await withProviderPort { gateway, port in
            let strict = try await AcceptanceTests.shop(gateway)
            let plain = try await AcceptanceTests.shop(gateway, isPlain: true)
            // Sound has no bound: strict organizations are refused it, and it reaches no provider.
            let requests = try await gateway.python("budget.py", ["modes", strict.token, "\(port)", plain.token])
            #expect(requests == "4\n")
            let outcomes = Dictionary(
                uniqueKeysWithValues: try await gateway.outcomes("request.completed", count: 4)
                    .map { ($0.metadata.clientRequestID ?? "", $0.data) })
            // $1 and $2 a million tokens, 50,000 and 64 of them.
            let price = 50_128_000
            let ofStrict = try #require(outcomes["strict"])
            #expect(ofStrict.held < price)
            #expect(ofStrict.charged == ofStrict.held)
            let ofPlain = try #require(outcomes["plain"])
            #expect(ofPlain.held == ofStrict.held)
            #expect(ofPlain.charged == price)
            // A file and a sound hold the whole context of the model, and cost what they are.
            for name in ["strict-file", "plain-audio"] {
                let held = try #require(outcomes[name])
                #expect(held.held == 100_000_000 + 64 * 2000)
                #expect(held.charged == price)
            }
            #expect(try await gateway.charged(strict.organization) == ofStrict.held + price)
            #expect(try await gateway.charged(plain.organization) == 2 * price)
        }
    }
}
