import HTTPTypes
import Hummingbird
import Testing

@testable import Web

private struct Sizes: WebRoutes {
    let budget: ByteBudget

    func register(on router: Router<WebContext>) {
        router.post("/size") { request, _ in
            let bytes = try await WebBody.bytes(of: request)
            return Response.json(["size": .integer(Int64(bytes.count)), "taken": .integer(Int64(budget.takenBytes))])
        }
        router.post("/small") { request, _ in
            let bytes = try await WebBody.bytes(of: request, upTo: WebBody.smallBytes)
            return Response.json(["size": .integer(Int64(bytes.count))])
        }
    }
}

@Suite struct BodyRoomTests {
    private let budget: ByteBudget
    private let client: RouteClient

    init() {
        budget = ByteBudget(maximumBytes: 100_000)
        client = RouteClient(Sizes(budget: budget), bodies: budget)
    }

    private func send(_ path: String, _ count: Int, headers: HTTPFields = [:]) async throws -> RouteClient.Answer {
        try #require(try await client.send(.post, path, String(repeating: "a", count: count), headers: headers))
    }

    @Test func aBodyTakesRoomWhileItsRequestGoesOn() async throws {
        for _ in 0..<3 {
            let answer = try await send("/size", 150_000)
            #expect(answer.status == 200 && answer.json["size"] as? Int == 150_000)
            #expect(answer.json["taken"] as? Int == 150_000 - ByteBudget.freeBytes)
            #expect(budget.takenBytes == 0)
        }
    }

    @Test func whereOthersTakeItAllALargeBodyIsRefusedAndASmallOneIsNot() async throws {
        var others: ByteBudget.Room?
        let isTaken = budget.grow(&others, to: 150_000)
        let taken = budget.takenBytes
        #expect(isTaken && taken > 0)
        let refused = try await send("/size", 150_000)
        #expect(refused.status == 503 && refused.json["code"] as? String == "overloaded")
        #expect(refused.headers[.retryAfter] != nil)
        #expect(try await send("/size", ByteBudget.freeBytes).status == 200)
        #expect(try await send("/small", WebBody.smallBytes).status == 200)
        #expect(budget.takenBytes == taken)
        withExtendedLifetime(others) {}
    }

    @Test func aRouteBoundsItsBodiesFurther() async throws {
        #expect(try await send("/small", WebBody.smallBytes).status == 200)
        #expect(try await send("/small", WebBody.smallBytes + 1).status == 413)
        let declared = try await send("/small", 1, headers: [.contentLength: String(WebBody.smallBytes + 1)])
        #expect(declared.status == 413)
        #expect(budget.takenBytes == 0)
    }

    @Test func aRouteBoundsTheTimeOfItsBodies() async throws {
        let (stream, continuation) = AsyncStream<ByteBuffer>.makeStream()
        defer { continuation.finish() }
        let head = HTTPRequest(method: .post, scheme: "http", authority: "gateway.test", path: "/")
        let request = Request(head: head, body: RequestBody(asyncSequence: stream))
        let started = ContinuousClock.now
        let refused = await #expect(throws: WebError.self) {
            try await WebBody.bytes(of: request, within: .milliseconds(10))
        }
        #expect(refused?.status == 408)
        #expect(ContinuousClock.now - started < WebBody.deadline)
    }
}
