import Foundation
import TestSupport
import Testing

@testable import Ledger

/// When `serve` seals: at once, then after a while or so many events, whichever comes first.
@Suite(.timeLimit(.minutes(2))) struct SealerRunTests {
    @Test func soManyEventsAreSealedBeforeTheTimeIsOver() async throws {
        try await SealedLedger.with { ledger in
            let running = Task { await ledger.sealer.run(every: .seconds(3_600), events: 100) }
            try await eventually("what is there is sealed at once") { ledger.sealer.sealedTo == 2 }
            try await ledger.append(50)
            // It has looked, and found too few.
            try await eventually("they are read ahead") { ledger.sealer.readTo == 52 }
            #expect(ledger.sealer.sealedTo == 2)
            try await ledger.append(60)
            try await eventually("so many are sealed") { ledger.sealer.sealedTo == 112 }
            running.cancel()
            await running.value
            #expect(try await ledger.file.read().map(\.to) == [2, 112])
            let report = try await ledger.verify()
            #expect(report.fault == nil && report.seals == 2 && report.unsealedTail == 0)
        }
    }

    @Test func afterAWhileFewEventsAreSealedToo() async throws {
        try await SealedLedger.with { ledger in
            let running = Task { await ledger.sealer.run(every: .milliseconds(50), events: 1_000_000) }
            for count: Int64 in 1...3 {
                try await ledger.append(1)
                try await eventually("a single event is sealed") { ledger.sealer.sealedTo == 2 + count }
            }
            running.cancel()
            await running.value
            // Where nothing is new there is no seal.
            let seals = try await ledger.file.read().count
            #expect((3...4).contains(seals), "\(seals)")
            #expect(try await ledger.verify().fault == nil)
        }
    }
}
