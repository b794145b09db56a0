import Ledger
import Money
import Redis
import Testing

@testable import Admission

/// Requests and tokens per minute of a key. The window slides: which share of the last minute counts, depends on Redis's clock,
/// so a test stores the count that it wants to start from.
@Suite struct RateTests {
    @Test func requestsPerMinute() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "1000", requestsPerMinute: "3")
            // The minute that begins meanwhile keeps a share of this one: never more than three, and at least three at once.
            for _ in 0..<3 { #expect(try await organization.admit("1").admission != nil) }
            let denial = try await organization.admit("1").denial
            #expect(denial?.reason == .requestsPerMinute)
            #expect(denial?.scope == .apiKey)
            let wait = try #require(denial?.retryAfter)
            #expect(wait > .zero && wait <= .seconds(120))
            #expect(try await organization.available().first == "997")
            #expect(try await organization.holds().count == 3)
        }
    }

    @Test func tokensPerMinute() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "1000", tokensPerMinute: "1000")
            #expect(try await organization.admit("1", tokens: 1001).denial == Denial(reason: .tokensPerMinute, scope: .apiKey))
            #expect(try await organization.admit("1", tokens: 600).admission != nil)
            #expect(try await organization.admit("1", tokens: 400).admission != nil)
            #expect(try await organization.admit("1", tokens: 0).admission != nil)
            let denial = try await organization.admit("1", tokens: 1).denial
            #expect(denial?.reason == .tokensPerMinute)
            #expect(denial?.retryAfter != nil)
        }
    }

    @Test func aDeniedRequestDoesNotCount() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "10", requestsPerMinute: "2")
            #expect(try await organization.admit("1").admission != nil)
            for _ in 0..<5 { #expect(try await organization.admit("100").denial?.reason == .balance) }
            #expect(try await organization.admit("1").admission != nil)
        }
    }

    @Test func aLimitOfZeroLetsNothingThrough() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "10", requestsPerMinute: "0")
            #expect(try await organization.admit("1").denial == Denial(reason: .requestsPerMinute, scope: .apiKey))
        }
    }

    @Test func countsAreWholeNumbersAtAnySize() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "10", tokensPerMinute: "4000000000000000")
            #expect(try await organization.admit("1", tokens: 1_234_567_890_123_456).admission != nil)
            let field = "k:\(organization.key.uuid.lowercase):r"
            let stored = try #require(try await organization.state()[field])
            #expect(stored.hasSuffix(" 1 0 1234567890123456 0"))
        }
    }

    @Test func theLastMinuteFadesOut() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "1000", requestsPerMinute: "100")
            let field: (String) -> String = { "k:\($0):r" }
            func store(minutesAgo: Int64, requests: Int) async throws {
                let time = try await functions.connection.call(["TIME"]).array?.first?.int64 ?? 0
                _ = try await functions.connection.call([
                    "HSET", .string(organization.keys.state), .string(field(organization.key.uuid.lowercase)),
                    .string("\(time / 60 - minutesAgo) \(requests) 0 0 0"),
                ])
            }
            // Two minutes ago is gone, whatever it was.
            try await store(minutesAgo: 2, requests: 100_000)
            #expect(try await organization.admit("1").admission != nil)
            // A last minute far above the limit weighs for almost the whole of this one.
            try await store(minutesAgo: 1, requests: 1_000_000)
            let denial = try await organization.admit("1").denial
            if denial == nil {
                // Only in the last 6 ms of a minute.
                try await store(minutesAgo: 1, requests: 1_000_000)
                #expect(try await organization.admit("1").denial?.reason == .requestsPerMinute)
            }
        }
    }
}
