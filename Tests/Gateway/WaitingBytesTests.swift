import Ledger
import Testing
import Web

@testable import Gateway

@Suite struct WaitingBytesTests {
    @Test func anEventTakesRoomUntilItIsHeard() {
        let budget = ByteBudget(maximumBytes: 1_000_000)
        var waiting = WaitingBytes(budget, of: .mint())
        func add(_ bytes: Int, isHeard: Bool) -> Bool { waiting.add(bytes, isHeard: isHeard) }
        // What goes on at once takes nothing, however much it is.
        for _ in 0..<100 { #expect(add(100_000, isHeard: true)) }
        #expect(budget.takenBytes == 0)
        for _ in 0..<8 { #expect(add(100_000, isHeard: false)) }
        #expect(budget.takenBytes == 800_000 - ByteBudget.freeBytes)
        #expect(!add(100_000, isHeard: false))
        #expect(add(1, isHeard: true) && budget.takenBytes == 0)
        #expect(add(100_000, isHeard: false) && budget.takenBytes == 100_000 - ByteBudget.freeBytes)
    }
}
