import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct AdmissionLineTests {
    @Test func whoeverFindsAPlaceDoesNotWait() async {
        let line = AdmissionLine(most: 2)
        #expect(await line.enter())
        #expect(await line.enter())
        #expect(line.inside == 2 && line.waiting == 0)
        line.leave()
        #expect(await line.enter())
        line.leave()
        line.leave()
        #expect(line.inside == 0)
    }

    @Test func theLineIsServedInOrder() async throws {
        let line = AdmissionLine(most: 1, patience: .seconds(60))
        #expect(await line.enter())
        let order = Order()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for place in 0..<5 {
                group.addTask {
                    #expect(await line.enter())
                    order.places.withLock { $0.append(place) }
                    line.leave()
                }
                // So that they stand in the order of their places.
                while line.waiting <= place { try await Task.sleep(for: .milliseconds(1)) }
            }
            line.leave()
            try await group.waitForAll()
        }
        #expect(order.places.withLock { $0 } == [0, 1, 2, 3, 4])
        #expect(line.inside == 0 && line.waiting == 0)
    }

    @Test func whoseTurnDoesNotComeIsSentAway() async {
        let line = AdmissionLine(most: 1)
        #expect(await line.enter())
        async let first = line.enter()
        async let second = line.enter()
        #expect(await [first, second] == [false, false])
        #expect(line.inside == 1 && line.waiting == 0)
        line.leave()
        // And who comes later is watched again.
        #expect(await line.enter())
        #expect(await !line.enter())
        line.leave()
        #expect(line.inside == 0)
    }

    @Test func aLineThatIsTooLongIsFull() async {
        let line = AdmissionLine(most: 1, patience: .seconds(60))
        #expect(await line.enter())
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 { group.addTask { await line.enter() } }
            while line.waiting < 16 { await Task.yield() }
            #expect(line.isFull)
            line.leave()
            for await isIn in group {
                #expect(isIn && !line.isFull)
                line.leave()
            }
        }
        #expect(line.inside == 0 && line.waiting == 0)
    }

    @Test func neverAreMoreInsideThanMay() async {
        let seed = TestEnvironment.seed("admission line")
        let line = AdmissionLine(most: 7)
        let counts = Counts()
        await withTaskGroup(of: Void.self) { group in
            for visitor in 0..<2_000 {
                group.addTask {
                    var random = SeededGenerator(seed: seed &+ UInt64(visitor))
                    try? await Task.sleep(for: .microseconds(Int.random(in: 0...200_000, using: &random)))
                    guard await line.enter() else { return counts.state.withLock { $0.sent += 1 } }
                    counts.state.withLock { ($0.now, $0.most) = ($0.now + 1, max($0.most, $0.now + 1)) }
                    try? await Task.sleep(for: .microseconds(Int.random(in: 0...2_000, using: &random)))
                    counts.state.withLock { ($0.now, $0.served) = ($0.now - 1, $0.served + 1) }
                    line.leave()
                }
            }
        }
        let found = counts.state.withLock { $0 }
        #expect(found.most <= 7 && found.served + found.sent == 2_000 && found.served > 100, "\(found)")
        #expect(line.inside == 0 && line.waiting == 0)
    }

    private final class Order: Sendable {
        let places = Mutex<[Int]>([])
    }

    private final class Counts: Sendable {
        let state = Mutex((now: 0, most: 0, served: 0, sent: 0))
    }
}
