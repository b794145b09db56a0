import Crypto
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite struct SealTests {
    @Test func sealsFollowOneAnotherAndVerify() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(10)
            let first = try await ledger.sealer.seal()
            #expect(first.map(\.from) == [1] && first.map(\.to) == [12])
            #expect(try await ledger.sealer.seal().isEmpty, "nothing is new")
            try await ledger.append(5)
            let second = try await ledger.sealer.seal()
            #expect(second.map(\.from) == [13] && second.map(\.to) == [17])
            #expect(second[0].previous == first[0].hash)
            #expect(second[0].isProtected, "the service's role can't write past append")
            try await ledger.append(3)
            let report = try await ledger.verify()
            #expect(report.fault == nil)
            #expect(report.summary == "20 events verified, sealed to 17, unsealed tail 3")
            #expect(report.seals == 2 && report.sealedProtected == true)
            try await ledger.check.run()
        }
    }

    @Test func theStatementIsWhatIsWritten() throws {
        let ledger = try #require(UUID(uuidString: "0198c0de-0000-7000-8000-00000000beef"))
        let seal = Seal(
            ledger: ledger, from: 1, to: 5, chain: Array(repeating: 1, count: 32), root: Array(repeating: 2, count: 32),
            previous: Seal.none, time: Timestamp(microseconds: 7), isProtected: false)
        let lines = seal.statement.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(
            lines
                == [
                    "llmgateway seal 1", "ledger 0198c0de-0000-7000-8000-00000000beef", "positions 1 5",
                    "chain " + String(repeating: "01", count: 32), "root " + String(repeating: "02", count: 32),
                    "previous " + String(repeating: "00", count: 32), "time 7", "protected false", "",
                ].map { $0[...] })
        let signed = try SealKey(Curve25519.Signing.PrivateKey()).sign(seal)
        #expect(Seal(line: signed.line.dropLast()) == signed)
    }

    /// T17: a chain that was written again with right hashes is caught up to the last seal, and behind it named as unsealed.
    @Test func aChainThatWasWrittenAgainIsCaughtUpToTheLastSeal() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(10)
            try await ledger.sealer.seal()
            try await ledger.append(10)
            try await ledger.sealer.seal()
            try await ledger.append(10)
            // In the unsealed tail nothing outside the database vouches for anything.
            try await ledger.database.tamper(
                "UPDATE ledger.events SET metadata = '{\"a\": 1}' WHERE position = 25; \(TamperTests.rehash(from: 25))")
            let tail = try await ledger.verify()
            #expect(tail.fault == nil && tail.unsealedTail == 10)
            try await ledger.database.tamper(
                "UPDATE ledger.events SET metadata = '{\"a\": 1}' WHERE position = 20; \(TamperTests.rehash(from: 20))")
            let sealed = try await ledger.verify()
            #expect(sealed.fault == LedgerFault(position: 13, reason: .rewritten(sealedFrom: 13, sealedTo: 22)))
            await #expect(throws: LedgerBehindSeal.self) { try await ledger.check.run() }
            await #expect(throws: LedgerBehindSeal.self) { try await ledger.sealer.seal() }
            #expect(ledger.sealer.fault != nil)
        }
    }

    @Test func aTailThatIsCutOffIsMissing() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(20)
            try await ledger.sealer.seal()
            try await ledger.database.tamper("DELETE FROM ledger.events WHERE position > 15")
            let report = try await ledger.verify()
            #expect(report.fault == LedgerFault(position: 16, reason: .tailMissing(sealedTo: 22)))
            #expect("\(report.summary)".contains("the tail is missing after 15"))
            await #expect(throws: LedgerBehindSeal.self) { try await ledger.check.run() }
        }
    }

    /// Yesterday's database: refused, accepted by a person, recorded, and from then on provable again.
    @Test func aRollbackIsRefusedUntilItIsAccepted() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(10)
            try await ledger.sealer.seal()
            try await ledger.append(10)
            try await ledger.sealer.seal()
            try await ledger.database.tamper("DELETE FROM ledger.events WHERE position > 15")
            // It may even grow beyond the seal: then the hash differs.
            try await ledger.append(20)
            await #expect(throws: LedgerBehindSeal.self) { try await ledger.check.run() }
            #expect(try await ledger.verify().fault?.position == 13)
            let accepted = try await ledger.check.acceptRollback()
            #expect(accepted == 36)
            try await ledger.check.run()
            #expect(try await ledger.check.acceptRollback() == nil, "nothing more to accept")
            let seals = try await ledger.sealer.seal()
            #expect(seals.map(\.from) == [13] && seals.map(\.to) == [36])
            let report = try await ledger.verify()
            #expect(report.fault == nil)
            #expect(report.seals == 2 && report.supersededSeals == 1 && report.sealedTo == 36)
            try await ledger.append(1)
            try await ledger.sealer.seal()
            #expect(try await ledger.verify().summary == "37 events verified, sealed to 37, unsealed tail 0")
        }
    }

    @Test func sealsThatWereTouchedAreFound() async throws {
        try await SealedLedger.with { ledger in
            for _ in 0..<3 {
                try await ledger.append(4)
                try await ledger.sealer.seal()
            }
            let seals = try await ledger.file.read()
            #expect(try await ledger.verify(seals: seals).fault == nil)
            #expect(try await ledger.verify(seals: [seals[0], seals[2]]).fault?.position == seals[2].from, "one left out")
            #expect(try await ledger.verify(seals: Array(seals.dropFirst())).fault != nil, "the first left out")
            var changed = seals
            changed[1].signature[5] ^= 1
            #expect(try await ledger.verify(seals: changed).fault?.position == seals[1].from)
            let other = Curve25519.Signing.PrivateKey().publicKey
            #expect(try await ledger.verify(keys: [other]).fault?.position == 1, "another key")
            #expect(try await ledger.verify(keys: [other, ledger.key.publicKey]).fault == nil, "an old key and a new one")
            let forged = try SealKey(Curve25519.Signing.PrivateKey()).sign(seals[2])
            #expect(try await ledger.verify(seals: [seals[0], seals[1], forged]).fault?.position == seals[2].from)
        }
    }

    @Test func aBrokenChainIsNotSealed() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(10)
            try await ledger.sealer.seal()
            try await ledger.append(10)
            try await ledger.database.tamper("UPDATE ledger.events SET data = '{}' WHERE position = 17")
            let fault = await #expect(throws: LedgerFault.self) { try await ledger.sealer.seal() }
            #expect(fault == LedgerFault(position: 17, reason: .hashMismatch))
            #expect(try await ledger.file.read().count == 1)
        }
    }

    @Test func oneEventIsProvedUnderItsSeal() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(100)
            let seal = try #require(try await ledger.sealer.seal().first)
            let (leaf, proof) = try #require(try await LeafReader(ledger.client).proof(of: 57, under: seal))
            #expect(proof.proves(leaf, under: seal.root))
            #expect(proof.path.count <= 7)
            #expect(try await LeafReader(ledger.client).proof(of: 103, under: seal) == nil)
        }
    }

    @Test func theUnprotectedSayIt() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(1)
            try await withClient(ledger.database.administrator) { client in
                let sealer = Sealer(
                    client: client, ledger: ledger.database.ledger, file: ledger.file, key: ledger.key, logger: quietLogger)
                let seals = try await sealer.seal()
                #expect(seals.map(\.isProtected) == [false])
            }
        }
    }

    @Test func theKeyIsForItsOwnerOnly() async throws {
        try await withFolder { folder in
            let path = folder + "/deep/key"
            let key = try SealKey(path: path)
            #expect(try SealKey(path: path).publicKey.rawRepresentation == key.publicKey.rawRepresentation)
            #expect(try SealKey.publicKey(path: path + ".pub").rawRepresentation == key.publicKey.rawRepresentation)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            try Data("nonsense\n".utf8).write(to: URL(filePath: path))
            #expect(throws: SealKey.Malformed.self) { try SealKey(path: path) }
            // Where only the public key is left, it is not overwritten by that of a new key.
            try FileManager.default.removeItem(atPath: path)
            #expect(throws: SealKey.Elsewhere.self) { try SealKey(path: path) }
            #expect(try SealKey.unlessElsewhere(path: path) == nil)
            #expect(try SealKey.publicKey(path: path + ".pub").rawRepresentation == key.publicKey.rawRepresentation)
            // A first use that was interrupted before the private key had its name begins again.
            try Data().write(to: URL(filePath: path + ".new"))
            let again = try SealKey(path: path)
            #expect(try SealKey.publicKey(path: path + ".pub").rawRepresentation == again.publicKey.rawRepresentation)
        }
    }

    @Test func theSealsAreForEverybody() async throws {
        try await withFolder { folder in
            let file = SealFile(folder: folder + "/home/seals", ledger: UUIDv7.next())
            try file.makeFolder()
            for made in [folder + "/home", file.folder] {
                let attributes = try FileManager.default.attributesOfItem(atPath: made)
                let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue
                // As far as the umask allows; the folder of the test was made with all that it does.
                let test = try FileManager.default.attributesOfItem(atPath: folder)
                let allowed = (test[.posixPermissions] as? NSNumber)?.intValue
                #expect(mode == allowed.map { $0 & 0o755 }, "\(made)")
            }
        }
    }

    @Test func aTornLastLineIsOverlookedAndWrittenOver() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(1)
            try await ledger.sealer.seal()
            let whole = try Data(contentsOf: URL(filePath: ledger.file.path))
            try await ledger.append(1)
            try await ledger.sealer.seal()
            let both = try Data(contentsOf: URL(filePath: ledger.file.path))
            for length in [whole.count + 1, both.count - 1] {
                try both.prefix(length).write(to: URL(filePath: ledger.file.path))
                #expect(try await ledger.file.read().count == 1)
                try await ledger.sealer.seal()
                #expect(try await ledger.verify().summary == "4 events verified, sealed to 4, unsealed tail 0")
            }
            try (Data("{}\n".utf8) + both).write(to: URL(filePath: ledger.file.path))
            await #expect(throws: SealFile.Malformed.self) { try await ledger.file.read() }
        }
    }

    /// Each reads only what it has not read before, and goes on from what the other has written.
    @Test func twoSealersTakeTurns() async throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("two sealers"))
        try await SealedLedger.with { ledger in
            let other = Sealer(
                client: ledger.client, ledger: ledger.database.ledger, file: ledger.file, key: ledger.key, logger: quietLogger)
            var ends: [Int64] = []
            for turn in 1...20 {
                try await ledger.append(Int.random(in: 1...4, using: &random))
                let sealer = Bool.random(using: &random) ? ledger.sealer : other
                ends += try await sealer.seal().map(\.to)
                #expect(try await sealer.seal().isEmpty && ends.count == turn && sealer.sealedTo == ends.last)
            }
            #expect(try await ledger.file.read().map(\.to) == ends)
            let report = try await ledger.verify()
            #expect(report.fault == nil && report.seals == 20 && report.unsealedTail == 0)
            // Neither goes on when what it knows was put aside, and the ledger is not what the seal that is left says.
            try await ledger.database.tamper("DELETE FROM ledger.events WHERE position > 3")
            await #expect(throws: LedgerBehindSeal.self) { try await ledger.sealer.seal() }
            await #expect(throws: LedgerBehindSeal.self) { try await other.seal() }
        }
    }

    /// Whoever has the key may still be wrong: what a seal says is recomputed.
    @Test func aSealThatSaysSomethingElseIsFound() async throws {
        try await SealedLedger.with { ledger in
            try await ledger.append(10)
            try await ledger.sealer.seal()
            try await ledger.append(10)
            try await ledger.sealer.seal()
            let seals = try await ledger.file.read()
            for index in seals.indices {
                let seal = seals[index]
                for (chain, root) in [(seal.root, seal.root), (seal.chain, seal.chain)] {
                    let wrong = try ledger.key.sign(
                        Seal(
                            ledger: seal.ledger, from: seal.from, to: seal.to, chain: chain, root: root, previous: seal.previous,
                            time: seal.time, isProtected: seal.isProtected))
                    let report = try await ledger.verify(seals: Array(seals[..<index]) + [wrong])
                    let reason = LedgerFault.Reason.rewritten(sealedFrom: seal.from, sealedTo: seal.to)
                    #expect(report.fault == LedgerFault(position: seal.from, reason: reason))
                }
            }
        }
    }
}
