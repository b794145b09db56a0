import Crypto
import Ledger
import Money
import Postgres
import Redis
import Testing

@testable import Admission

/// From a token's digest to where it belongs.
@Suite struct TokenTests {
    @Test func whatIsNotFoundIsNotRemembered() async throws {
        try await World.run { world in
            let digest = Array(SHA256.hash(data: [7]))
            #expect(try await world.client.address(ofDigest: digest, client: "a", on: world.loop) == nil)
            let shop = try await Shop.open(in: world, credit: 1)
            _ = try await world.append(
                APIKeyCreated(project: shop.address.project, tokenSHA256: Hexadecimal.encode(digest)), .apiKey(.mint()), 0,
                shop.address.organization)
            #expect(try await world.client.address(ofDigest: digest, client: "a", on: world.loop) == nil)
            try await world.catchUp()
            #expect(
                try await world.client.address(ofDigest: digest, client: "a", on: world.loop)?.project == shop.address.project)
        }
    }

    /// It is a stranger's, and limited as those are.
    @Test func theTokenOfADeletedKeyIsNotFound() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1)
            _ = try await world.append(APIKeyDeleted(), .apiKey(shop.address.key), nil, shop.address.organization)
            try await world.catchUp()
            #expect(try await world.client.address(ofDigest: shop.digest, client: "a", on: world.loop) == nil)
        }
    }

    /// One that looks up no more than three tokens of strangers.
    private static func wary(_ world: World) -> AdmissionClient {
        var configuration = AdmissionClient.Configuration.patient
        configuration.strangerBurst = 3
        configuration.strangerInterval = .seconds(3600)
        return AdmissionClient(redis: world.redis, instance: .mint(), configuration: configuration, logger: quiet)
    }

    @Test func unknownTokensAreLimitedAndKnownOnesAreNot() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1)
            try await world.catchUp()
            let client = Self.wary(world)
            for byte: UInt8 in 0..<3 {
                #expect(try await client.address(ofDigest: Array(SHA256.hash(data: [byte])), client: "a", on: world.loop) == nil)
            }
            do {
                _ = try await client.address(ofDigest: Array(SHA256.hash(data: [9])), client: "a", on: world.loop)
                Issue.record("a fourth unknown token was looked up")
            } catch let error as AdmissionError {
                #expect(error.code == .tooManyUnknownTokens)
            }
            // Another client may try, and a key that is in memory costs nothing.
            #expect(try await client.address(ofDigest: shop.digest, client: "b", on: world.loop) == shop.address)
            #expect(try await client.address(ofDigest: shop.digest, client: "a", on: world.loop) == shop.address)
        }
    }

    /// Right after a start nothing is in memory: everybody's first requests come at once, and none of them is a stranger.
    @Test func manyKnownTokensAtOnceAreNoStrangers() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1)
            let digests = (0..<40).map { Array(SHA256.hash(data: [UInt8($0)])) }
            for digest in digests {
                _ = try await world.append(
                    APIKeyCreated(project: shop.address.project, tokenSHA256: Hexadecimal.encode(digest)), .apiKey(.mint()), 0,
                    shop.address.organization)
            }
            try await world.catchUp()
            let client = Self.wary(world)
            let loop = world.loop
            try await withThrowingTaskGroup(of: KeyAddress?.self) { group in
                for _ in 0..<5 {
                    for digest in digests {
                        group.addTask { try await client.address(ofDigest: digest, client: "a", on: loop) }
                    }
                }
                for try await address in group { #expect(address?.project == shop.address.project) }
            }
            // All of the allowance is there again, and no more than it.
            var refused = 0
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for byte: UInt8 in 100..<120 {
                    group.addTask {
                        do {
                            return try await client.address(
                                ofDigest: Array(SHA256.hash(data: [byte])), client: "a", on: loop) != nil
                        } catch let error as AdmissionError where error.code == .tooManyUnknownTokens {
                            return true
                        }
                    }
                }
                for try await isRefused in group { refused += isRefused ? 1 : 0 }
            }
            #expect(refused == 17)
        }
    }

    /// A key that was deleted is one that never was: whoever goes on sending it is a stranger, and asks Postgres no oftener.
    @Test func whoSendsADeletedKeyIsAStranger() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1)
            try await world.catchUp()
            let client = Self.wary(world)
            #expect(try await client.address(ofDigest: shop.digest, client: "a", on: world.loop) == shop.address)
            _ = try await world.append(APIKeyDeleted(), .apiKey(shop.address.key), nil, shop.address.organization)
            try await world.catchUp()
            // In memory until admission says otherwise.
            #expect(try await client.address(ofDigest: shop.digest, client: "a", on: world.loop) == shop.address)
            #expect(try await client.admit(shop.request(1), on: world.loop).denial?.reason == .unknownKey)
            for _ in 0..<3 { #expect(try await client.address(ofDigest: shop.digest, client: "a", on: world.loop) == nil) }
            let error = await #expect(throws: AdmissionError.self) {
                try await client.address(ofDigest: shop.digest, client: "a", on: world.loop)
            }
            #expect(error?.code == .tooManyUnknownTokens)
        }
    }

    @Test func whatCannotBeADigestIsRefused() async throws {
        try await World.run { world in
            for digest in [[], [1], Array(repeating: 1, count: 33)] as [[UInt8]] {
                await #expect(throws: AdmissionError.self) {
                    try await world.client.address(ofDigest: digest, client: "a", on: world.loop)
                }
            }
            let shop = try await Shop.open(in: world, credit: 1)
            for request in [
                AdmitRequest(digest: [1], address: shop.address, request: .mint(), hold: .zero, tokens: 0, policy: .max),
                AdmitRequest(
                    digest: shop.digest, address: shop.address, request: .mint(), hold: NanoDollars(-1), tokens: 0, policy: .max),
                AdmitRequest(digest: shop.digest, address: shop.address, request: .mint(), hold: .zero, tokens: -1, policy: .max),
            ] {
                await #expect(throws: AdmissionError.self) { try await shop.admit(request) }
            }
        }
    }

    /// An organization that no ledger knows is not known to a seed either.
    @Test func anAddressOfNowhereIsUnknown() async throws {
        try await World.run { world in
            let nowhere = KeyAddress(organization: .mint(), project: .mint(), key: .mint())
            let request = AdmitRequest(
                digest: Array(SHA256.hash(data: [1])), address: nowhere, request: .mint(), hold: .zero, tokens: 0, policy: .max)
            let decision = try await world.client.admit(request, on: world.loop)
            #expect(decision == .unknown)
        }
    }
}
