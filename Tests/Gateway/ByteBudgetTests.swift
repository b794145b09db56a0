import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOEmbedded
import Testing
import Web

@testable import Gateway

@Suite struct ByteBudgetTests {
    @Test func largeBodiesWaitForEachOtherAndSmallOnesForNobody() async throws {
        let budget = ByteBudget(maximumBytes: 100_000)
        let reader = BodyReader(maximumBytes: 1 << 20, budget: budget)
        let (bytes, room) = try await Self.read(reader, chunks: [100_000, 50_000])
        #expect(bytes.count == 150_000 && room != nil)
        #expect(budget.takenBytes == 150_000 - ByteBudget.freeBytes)
        let refusal = await #expect(throws: GatewayError.self) { try await Self.read(reader, chunks: [40_000, 40_000, 40_000]) }
        #expect(refusal?.status == 503 && refusal?.retryAfter != nil)
        // What was refused has left nothing behind.
        #expect(budget.takenBytes == 150_000 - ByteBudget.freeBytes)
        let (small, none) = try await Self.read(reader, chunks: [ByteBudget.freeBytes / 2, ByteBudget.freeBytes / 2])
        #expect(small.count == ByteBudget.freeBytes && none == nil)
        withExtendedLifetime(room) {}
    }

    @Test func roomIsFreeWhenNobodyHoldsIt() async throws {
        let budget = ByteBudget(maximumBytes: 200_000)
        let reader = BodyReader(maximumBytes: 1 << 20, budget: budget)
        for _ in 0..<3 {
            let (_, room) = try await Self.read(reader, chunks: [200_000])
            #expect(room != nil && budget.takenBytes > 0)
        }
        #expect(budget.takenBytes == 0)
        let narrow = BodyReader(maximumBytes: 100_000, budget: budget)
        let refusal = await #expect(throws: GatewayError.self) { try await Self.read(narrow, chunks: [100_000, 1]) }
        #expect(refusal?.status == 413)
        #expect(budget.takenBytes == 0)
    }

    @Test func anOwnerLeavesOthersAThirdOfWhatItHas() {
        let (ada, bob) = (UUID(), UUID())
        let budget = ByteBudget(maximumBytes: 1_000_000)
        var rooms: [ByteBudget.Room?] = []
        func take(_ bytes: Int, _ owner: UUID?) -> Bool {
            var room: ByteBudget.Room?
            defer { rooms.append(room) }
            return budget.grow(&room, to: bytes + ByteBudget.freeBytes, of: owner)
        }
        // Alone she has three quarters.
        #expect(take(500_000, ada) && take(250_000, ada) && !take(1, ada))
        #expect(take(187_500, bob) && !take(1, bob))
        #expect(take(62_500, nil) && !take(1, nil) && budget.takenBytes == 1_000_000)
        rooms = []
        #expect(budget.takenBytes == 0 && take(750_000, bob))
    }

    private static func read(
        _ reader: BodyReader, chunks: [Int]
    ) async throws -> (bytes: [UInt8], room: ByteBudget.Room?) {
        let stream = AsyncStream<ByteBuffer> { continuation in
            for size in chunks { continuation.yield(ByteBuffer(repeating: 7, count: size)) }
            continuation.finish()
        }
        let request = Request(
            head: .init(method: .post, scheme: "http", authority: "x", path: "/"), body: RequestBody(asyncSequence: stream))
        return try await reader.read(request, channel: EmbeddedChannel())
    }
}
