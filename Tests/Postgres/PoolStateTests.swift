import TestSupport
import Testing

@testable import Postgres

/// The pool's bookkeeping, driven without a server: connections and waiters are numbers.
@Suite struct PoolStateTests {
    typealias State = PoolState<Int, Int>

    private func kinds(_ actions: [State.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .give(let waiter, let connection): "give \(connection) to \(waiter)"
            case .fail(let waiter, let error): "fail \(waiter) \(error.code)"
            case .open: "open"
            case .close(let connection): "close \(connection)"
            case .drained: "drained"
            }
        }
    }

    private func acquire(_ state: inout State, _ waiter: Int, at now: UInt64 = 0) -> [String] {
        kinds(state.acquire(id: UInt64(waiter), deadline: now + 100, now: now, waiter))
    }

    @Test func connectionsAreOpenedUpToTheMaximumAndLentInOrder() {
        var state = State(maximum: 2)
        #expect(acquire(&state, 1) == ["open"])
        #expect(acquire(&state, 2) == ["open"])
        #expect(acquire(&state, 3) == [])
        #expect(kinds(state.opened(id: 10, 10, now: 0)) == ["give 10 to 1"])
        #expect(kinds(state.release(id: 10)) == ["give 10 to 2"])
        #expect(kinds(state.opened(id: 11, 11, now: 0)) == ["give 11 to 3"])
        #expect(kinds(state.release(id: 10)) == [])
        #expect(kinds(state.release(id: 11)) == [])
        #expect(acquire(&state, 4) == ["give 11 to 4"])
        #expect(kinds(state.release(id: 99)) == [])
        #expect(state.count == 2)
    }

    @Test func waitersFailAtTheirDeadlines() {
        var state = State(maximum: 1)
        _ = acquire(&state, 1)
        _ = state.opened(id: 10, 10, now: 0)
        _ = acquire(&state, 2)
        _ = acquire(&state, 3, at: 50)
        #expect(state.nextDue == 100)
        #expect(kinds(state.tick(99)) == [])
        #expect(kinds(state.tick(100)) == ["fail 2 poolExhausted"])
        #expect(state.nextDue == 150)
        #expect(kinds(state.cancel(3)) == ["fail 3 cancelled"])
        #expect(kinds(state.cancel(3)) == [])
        #expect(state.nextDue == nil)
    }

    @Test func afterAFailureOneAttemptAtATimeIsMadeAfterThePause() {
        var state = State(maximum: 4)
        for waiter in 1...3 { #expect(acquire(&state, waiter) == ["open"]) }
        let error = PostgresError(.connectionFailed, "away")
        for _ in 0..<3 { #expect(kinds(state.failed(error, retryAt: 20)) == []) }
        #expect(acquire(&state, 4, at: 10) == [])
        #expect(state.nextDue == 20)
        #expect(kinds(state.tick(20)) == ["open"])
        #expect(state.nextDue == 100)
        #expect(kinds(state.failed(error, retryAt: 60)) == [])
        #expect(kinds(state.tick(60)) == ["open"])
        #expect(kinds(state.opened(id: 10, 10, now: 70)) == ["give 10 to 1", "open", "open", "open"])
        #expect(kinds(state.tick(100)) == ["fail 2 poolExhausted", "fail 3 poolExhausted"])
    }

    @Test func waitersLearnWhyThereIsNoConnection() {
        var state = State(maximum: 1)
        _ = acquire(&state, 1)
        _ = state.failed(PostgresError(.connectionFailed, "away"), retryAt: 1000)
        #expect(kinds(state.tick(100)) == ["fail 1 connectionFailed"])
    }

    /// A wrong password stays wrong; one that was right may be about to be changed here too.
    @Test func nobodyWaitsForWhatWasNeverRight() {
        let refusal = PostgresError(.connectionFailed, "no such role", sqlState: "28000")
        var state = State(maximum: 2)
        _ = acquire(&state, 1)
        _ = acquire(&state, 2)
        for _ in 0..<2 { #expect(kinds(state.failed(refusal, retryAt: 20)) == [], "both began before any was refused") }
        #expect(kinds(state.tick(20)) == ["open"])
        #expect(kinds(state.failed(refusal, retryAt: 60)) == ["fail 1 connectionFailed", "fail 2 connectionFailed"])
        #expect(acquire(&state, 3, at: 30) == [])
        #expect(kinds(state.tick(60)) == ["open"])
        #expect(kinds(state.failed(PostgresError(.connectionFailed, "away"), retryAt: 80)) == [])
        #expect(kinds(state.tick(80)) == ["open"])
        #expect(kinds(state.failed(refusal, retryAt: 1000)) == [], "not twice in a row")
        #expect(kinds(state.tick(130)) == ["fail 3 connectionFailed"])
        _ = acquire(&state, 4, at: 1000)
        #expect(kinds(state.opened(id: 10, 10, now: 1000)) == ["give 10 to 4"])
        _ = acquire(&state, 5, at: 1000)
        #expect(kinds(state.failed(refusal, retryAt: 2000)) == [])
        #expect(kinds(state.tick(1100)) == ["fail 5 connectionFailed"])
    }

    /// What is started with the machine may be earlier than the server that Postgres asks for passwords.
    @Test func refusalsAreWaitedOutWhereNobodyHeedsThem() {
        let refusal = PostgresError(.connectionFailed, "no such role", sqlState: "28000")
        var state = State(maximum: 1, heedsRefusals: false)
        _ = acquire(&state, 1)
        for attempt in 1...3 {
            #expect(kinds(state.failed(refusal, retryAt: UInt64(attempt) * 20)) == [])
            #expect(kinds(state.tick(UInt64(attempt) * 20)) == ["open"])
        }
        #expect(kinds(state.opened(id: 10, 10, now: 70)) == ["give 10 to 1"])
    }

    @Test func lostConnectionsAreReplacedForThoseWhoWait() {
        var state = State(maximum: 1)
        _ = acquire(&state, 1)
        _ = state.opened(id: 10, 10, now: 0)
        _ = acquire(&state, 2)
        #expect(kinds(state.lose(id: 10, now: 0)) == ["open"])
        #expect(kinds(state.lose(id: 10, now: 0)) == [])
        #expect(kinds(state.release(id: 10)) == [])
        _ = state.opened(id: 11, 11, now: 0)
        _ = state.release(id: 11)
        #expect(kinds(state.lose(id: 11, now: 0)) == [])
        #expect(state.count == 0)
    }

    @Test func shuttingDownClosesAll() {
        var state = State(maximum: 3)
        for waiter in 1...3 { _ = acquire(&state, waiter) }
        _ = state.opened(id: 10, 10, now: 0)
        _ = state.opened(id: 11, 11, now: 0)
        _ = state.release(id: 11)
        _ = state.opened(id: 12, 12, now: 0)
        _ = acquire(&state, 4)
        _ = state.release(id: 12)
        #expect(kinds(state.shutDown()) == ["close 12"] || state.idle.isEmpty)
        #expect(acquire(&state, 5) == ["fail 5 closed"])
        #expect(kinds(state.release(id: 10)).first == "close 10")
        #expect(kinds(state.release(id: 11)) == ["close 11", "drained"])
    }

    /// Whatever happens, nobody waits while a connection is idle, the maximum holds, and every waiter is answered once.
    @Test func randomHistoriesKeepTheRules() {
        var random = SeededGenerator(seed: TestEnvironment.seed("histories of a pool"))
        for _ in 0..<300 {
            let maximum = Int.random(in: 1...4, using: &random)
            var state = State(maximum: maximum)
            var now: UInt64 = 0
            var nextWaiter = 0
            var nextConnection: UInt64 = 1
            var openings = 0
            var unanswered: Set<Int> = []
            func perform(_ actions: [State.Action]) {
                for action in actions {
                    switch action {
                    case .open: openings += 1
                    case .give(let waiter, _), .fail(let waiter, _): #expect(unanswered.remove(waiter) != nil)
                    case .close, .drained: break
                    }
                }
            }
            for _ in 0..<200 {
                now += UInt64.random(in: 0...10, using: &random)
                switch Int.random(in: 0...6, using: &random) {
                case 0, 1:
                    nextWaiter += 1
                    unanswered.insert(nextWaiter)
                    perform(state.acquire(id: UInt64(nextWaiter), deadline: now + 50, now: now, nextWaiter))
                case 2: if let id = state.borrowed.keys.sorted().first { perform(state.release(id: id)) }
                case 3: if let id = state.borrowed.keys.sorted().last { perform(state.lose(id: id, now: now)) }
                case 4 where openings > 0:
                    openings -= 1
                    perform(state.opened(id: nextConnection, Int(nextConnection), now: now))
                    nextConnection += 1
                case 5 where openings > 0:
                    openings -= 1
                    perform(state.failed(PostgresError(.connectionFailed, "away"), retryAt: now + 20))
                default:
                    if let waiter = unanswered.randomElement(using: &random) { perform(state.cancel(UInt64(waiter))) }
                }
                perform(state.tick(now))
                #expect(state.count <= maximum)
                #expect(state.opening == openings)
                #expect(state.waiting == unanswered.count)
                #expect(state.idle.isEmpty || state.waiting == 0)
                // Who waits has something to wait for: a connection under way or lent out, or a time to try again.
                if state.waiting > 0 { #expect(state.count > 0 || (state.nextDue ?? .max) <= now + 50) }
            }
        }
    }
}
