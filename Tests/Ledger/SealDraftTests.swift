import Foundation
import Postgres
import TestSupport
import Testing

@testable import Ledger

/// What is read ahead of a seal.
@Suite struct SealDraftTests {
    /// However the reading is split up, the seal is the one that reading at once makes.
    @Test func aSealOfWhatWasReadAheadIsTheSame() async throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("read ahead"))
        try await SealedLedger.with { ledger in
            for _ in 1...5 {
                let from = ledger.sealer.sealedTo + 1
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    try await ledger.append(Int.random(in: 1...700, using: &random))
                    let head = try #require(try await LedgerReader(ledger.client).head()).position
                    #expect(await ledger.sealer.readAhead(to: head))
                    #expect(ledger.sealer.readTo == head)
                }
                try await ledger.append(Int.random(in: 0...3, using: &random))
                let seal = try #require(try await ledger.sealer.seal().first)
                #expect(seal.from == from && ledger.sealer.readTo == nil)
                var tree = MerkleTree()
                for leaf in try await LeafReader(ledger.client).leaves(seal.from...seal.to) { tree.append(leaf) }
                #expect(seal.root == Array(tree.root))
            }
            let report = try await ledger.verify()
            #expect(report.fault == nil && report.seals == 5 && report.unsealedTail == 0)
        }
    }

    /// A standby that lacked the newest events took over: what was read of those is not sealed.
    @Test(arguments: [true, false]) func whatWasReadOfEventsThatAreGoneIsReadAgain(readsOn: Bool) async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(10)
            try await ledger.sealer.seal()
            try await ledger.append(20)
            #expect(await ledger.sealer.readAhead(to: 32))
            try await ledger.database.tamper("DELETE FROM ledger.events WHERE position > 25")
            try await ledger.append(30)
            if readsOn {
                #expect(await ledger.sealer.readAhead(to: 55))
                #expect(ledger.sealer.readTo == nil)
            }
            #expect(try await ledger.sealer.seal().map(\.to) == [55])
            let report = try await ledger.verify()
            #expect(report.fault == nil && report.unsealedTail == 0)
        }
    }

    /// What is appended while it seals is for the next seal: under load there is always something new.
    @Test(.timeLimit(.minutes(1))) func sealingEndsWhileEventsKeepComing() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(10)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { while !Task.isCancelled { try await ledger.append(1) } }
                for _ in 1...3 {
                    try await Task.sleep(for: .milliseconds(50))
                    #expect(try await ledger.sealer.seal().count == 1)
                }
                group.cancelAll()
                while let ended = await group.nextResult() { _ = ended }
            }
            #expect(try await ledger.verify().fault == nil)
        }
    }

    /// Two that seal the same ledger: to be the slower is no fault, and it reads ahead behind the other's seal.
    @Test(.timeLimit(.minutes(2))) func whoWasOvertakenReadsAhead() async throws {
        try await SealedLedger.with { ledger in
            let other = Sealer(
                client: ledger.client, ledger: ledger.database.ledger, file: ledger.file, key: ledger.key, logger: quietLogger)
            var overtaken: Sealer?
            while overtaken == nil {
                try await ledger.append(50)
                async let first = Self.isOvertaken(ledger.sealer)
                async let second = Self.isOvertaken(other)
                let slower = try await (first, second)
                overtaken = slower.0 ? ledger.sealer : slower.1 ? other : nil
            }
            let sealer = try #require(overtaken)
            #expect(sealer.fault == nil)
            let sealed = try #require(try await LedgerReader(ledger.client).head()).position
            #expect(sealer.sealedTo == sealed)
            try await ledger.append(10)
            #expect(await sealer.readAhead(to: sealed + 10))
            #expect(sealer.readTo == sealed + 10)
            #expect(try await sealer.seal().map(\.from) == [sealed + 1])
            #expect(try await ledger.verify().fault == nil)
        }
    }

    private static func isOvertaken(_ sealer: Sealer) async throws -> Bool {
        do {
            try await sealer.seal()
            return false
        } catch is SealFile.Overtaken { return true }
    }

    @Test func aBrokenChainIsNotReadAhead() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(10)
            try await ledger.sealer.seal()
            try await ledger.append(20)
            #expect(await ledger.sealer.readAhead(to: 20))
            try await ledger.database.tamper("UPDATE ledger.events SET data = '{}' WHERE position = 25")
            #expect(await !ledger.sealer.readAhead(to: 32))
            let fault = await #expect(throws: LedgerFault.self) { try await ledger.sealer.seal() }
            #expect(fault == LedgerFault(position: 25, reason: .hashMismatch))
            #expect(ledger.sealer.fault != nil)
        }
    }
}
