import Crypto
import Foundation
import TestSupport
import Testing

@testable import Ledger

/// T17: whoever can write the folder of the seals touches them. The events are whole all the while.
@Suite struct SealTamperTests {
    @Test func `a seal that is missing, moved or signed by another is named`() async throws {
        let seed = TestEnvironment.seed("seals")
        try await SealedHistory.with(60, parts: 9, seed: seed) { history in
            var random = SeededGenerator(seed: seed)
            let seals = history.seals
            #expect(seals.count == 9)
            for _ in 0..<(TestEnvironment.soak ? 2_000 : 6) {
                let one = Int.random(in: 0..<8, using: &random)
                let other = Int.random(in: (one + 1)..<9, using: &random)
                var missing = seals
                missing.remove(at: one)
                #expect(try await history.fault(missing) == seals[one + 1].from, "\(one) is missing")
                var moved = seals
                moved.swapAt(one, other)
                #expect(try await history.fault(moved) == seals[other].from, "\(one) and \(other) changed places")
                var twice = seals
                twice.insert(seals[one], at: other)
                #expect(try await history.fault(twice) == seals[one].from, "\(one) stands twice")
                var forged = seals
                forged[other] = try SealKey(Curve25519.Signing.PrivateKey()).sign(seals[other])
                #expect(try await history.fault(forged) == seals[other].from, "\(other) is signed by another")
            }
            // Of the newest nobody can tell that it was there; the answer says how far the seals go.
            let report = try await history.verify(seals: Array(seals.dropLast()))
            #expect(report.fault == nil && report.sealedTo == seals[7].to)
        }
    }

    /// One bit of the file: it is no seal any more, or none that holds. Upper and lower case of a hexadecimal digit are one seal.
    @Test func `a bit of the file that turned does not pass`() async throws {
        let seed = TestEnvironment.seed("seal file")
        try await SealedHistory.with(40, parts: 4, seed: seed) { history in
            var random = SeededGenerator(seed: seed)
            let file = URL(filePath: history.file.path)
            let bytes = try Data(contentsOf: file)
            for _ in 0..<(TestEnvironment.soak ? 10_000 : 60) {
                let place = Int.random(in: bytes.indices, using: &random)
                var turned = bytes
                turned[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                try turned.write(to: file)
                guard let seals = try? await history.file.read(), seals != history.seals else { continue }
                // A last line without its end was never acknowledged.
                if place == bytes.count - 1, seals == history.seals.dropLast() { continue }
                #expect(try await history.fault(seals) != nil, "the byte at \(place)")
            }
        }
    }

    /// The executable takes neither the seals of another ledger nor a folder without the key for none.
    @Test func `ledger verify is not talked out of its seals`() async throws {
        let seed = TestEnvironment.seed("seals, executable")
        try await SealedHistory.with(40, parts: 2, seed: seed) { history in
            // The whole ledger written again, as another one.
            let id = UUID().uuidString.lowercased()
            try await history.tamper(
                """
                UPDATE ledger.events SET stream_id = '\(id)' WHERE stream_kind = 'ledger';
                UPDATE ledger.events SET data = jsonb_set(data, '{ledger}', to_jsonb('\(id)'::text)) WHERE position = 1;
                UPDATE ledger.events AS e SET hash = sha256(sha256(uuid_send('\(id)')) || sha256(record_send(ROW(e.position, e.id,
                    e.stream_kind, e.stream_id, e.stream_version, e.type, e.schema_version, e.organization, e.data, e.metadata,
                    e.occurred_at, e.recorded_at)))) WHERE position = 1;
                \(Tampering.rehash(2...history.head))
                """)
            let other = try await history.verifyByExecutable()
            #expect(!other.isWhole && other.answer.faultPosition == 1, "\(other.answer)")
            #expect(other.answer.fault?.contains("another ledger") ?? false, "\(other.answer)")
            // Without its first event the ledger has no id to find its seals by.
            try await history.tamper("DELETE FROM ledger.events WHERE position = 1")
            let headless = try await history.verifyByExecutable()
            #expect(!headless.isWhole && headless.answer.fault == "position 1: the event is missing", "\(headless.answer)")
            try await history.tamper("DELETE FROM ledger.events")
            let empty = try await history.verifyByExecutable()
            let all = LedgerFault(position: 1, reason: .tailMissing(sealedTo: history.sealedTo))
            #expect(!empty.isWhole && empty.answer.fault == all.description, "\(empty.answer)")
            // Where the private key lies elsewhere, the public one is enough, and stays what it is.
            try await history.tamper("SELECT")
            try FileManager.default.removeItem(atPath: history.home + "/seal-key")
            let kept = try Data(contentsOf: URL(filePath: history.home + "/seal-key.pub"))
            let whole = try await history.verifyByExecutable()
            #expect(whole.isWhole && whole.answer.sealedTo == history.sealedTo)
            #expect(try Data(contentsOf: URL(filePath: history.home + "/seal-key.pub")) == kept)
            #expect(!FileManager.default.fileExists(atPath: history.home + "/seal-key"))
            // Without any key no seal can be believed.
            try FileManager.default.removeItem(atPath: history.home + "/seal-key.pub")
            let keyless = try await history.verifyByExecutable()
            #expect(!keyless.isWhole && keyless.answer.faultPosition == 1, "\(keyless.answer)")
        }
    }
}

extension SealedHistory {
    fileprivate func fault(_ seals: [Seal]) async throws -> Int64? { try await verify(seals: seals).fault?.position }
}
